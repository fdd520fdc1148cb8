import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type Caller, createSystemCaller } from '../../src/access/caller.ts'
import { systemClock } from '../../src/clock.ts'
import type { Operator } from '../../src/contract/operator.ts'
import { createOperatorIndex } from '../../src/lists/operator-index.ts'
import { createRoster } from '../../src/lists/roster.ts'
import { createRedis, type Redis } from '../../src/redis/redis.ts'
import { patientMs } from '../assignments/assignment-stores.ts'
import { describeWithRedis } from '../support/needs.ts'
import { openRedis, type TestDatabase } from '../support/redis.ts'
import { until } from '../support/until.ts'

const rosterOf = (organization: number, from: number, count: number) => {
  const operators = Array.from(
    { length: count },
    (_, i): Operator => ({ id: from + i, name: 'Olena', status: 'active' }),
  )
  return createRoster({ id: organization, name: 'Support' }, operators)
}

const anyone = createSystemCaller()
const stranger: Caller = { ...anyone, organizations: new Set([6]) }

describe('the index of operators in memory', () => {
  it('knows the organization in which an operator was seen last', () => {
    const index = createOperatorIndex(undefined)
    index.learn(rosterOf(24, 1, 3))
    index.learn(rosterOf(6, 3, 2))
    expect([1, 2, 3, 4, 5].map((id) => index.find(anyone, id))).toEqual([24, 24, 6, 6, undefined])
  })
})

describeWithRedis('the index of operators in Redis', () => {
  let database: TestDatabase
  let redis: Redis
  beforeAll(async () => {
    database = await openRedis()
    const { url, prefix } = database
    redis = createRedis({ url, prefix, clock: systemClock, commandMs: patientMs, report: () => {} })
    await until(() => redis.status().state === 'ready')
  })
  afterAll(async () => {
    redis.close()
    await database.stop()
  })

  it('is shared with instances that have not seen the list, large ones too, and ends 30 days after the last change', async () => {
    const client = database.client()
    const key = `${database.prefix}operator-index`
    createOperatorIndex(redis).learn(rosterOf(24, 1, 2500))
    await until(async () => (await client.hlen(key)) === 2500)
    const other = createOperatorIndex(redis)
    expect(await Promise.all([1, 1001, 2500, 2501].map((id) => other.find(anyone, id)))).toEqual([
      24,
      24,
      24,
      undefined,
    ])
    const days = (await client.ttl(key)) / 86_400
    expect(Math.round(days)).toBe(30)
  })

  it('asks Redis for an operator of others as for an unknown one, though this instance has seen it', async () => {
    let asked = 0
    const counting = {
      ...redis,
      run: async (command: Parameters<Redis['run']>[0]) => {
        asked++
        return redis.run(command)
      },
    } as unknown as Redis
    const index = createOperatorIndex(counting)
    index.learn(rosterOf(24, 1, 1))
    asked = 0
    expect([await index.find(stranger, 1), asked]).toEqual([undefined, 1])
    expect([await index.find(stranger, 9_999_999), asked]).toEqual([undefined, 2])
    expect([await index.find(anyone, 1), asked]).toEqual([24, 2])
  })

  it('writes only what has changed', async () => {
    const written: unknown[] = []
    const counting = {
      ...redis,
      script: () => async (keys: unknown) => void written.push(keys),
    } as unknown as Redis
    const index = createOperatorIndex(counting)
    index.learn(rosterOf(24, 1, 3))
    expect(written).toHaveLength(1)
    index.learn(rosterOf(24, 1, 3))
    expect(written).toHaveLength(1)
    index.learn(rosterOf(24, 1, 4))
    expect(written).toHaveLength(2)
  })

  it('knows what this instance has seen, and nothing else, while Redis fails', async () => {
    const run = () => Promise.reject(new Error('away'))
    const index = createOperatorIndex({ ...redis, run } as unknown as Redis)
    index.learn(rosterOf(24, 1, 1))
    expect([index.find(anyone, 1), await index.find(anyone, 2)]).toEqual([24, undefined])
  })
})
