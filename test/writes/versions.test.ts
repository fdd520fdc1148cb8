import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { systemClock } from '../../src/clock.ts'
import { createRedis, type Redis } from '../../src/redis/redis.ts'
import type { Operation } from '../../src/writes/operation.ts'
import { createRedisJournal } from '../../src/writes/redis-journal.ts'
import { describeWithRedis } from '../support/needs.ts'
import { openRedis, type TestDatabase } from '../support/redis.ts'

describeWithRedis('records of writes', () => {
  let database: TestDatabase
  let redis: Redis
  beforeAll(async () => {
    database = await openRedis()
    redis = createRedis({
      url: database.url,
      prefix: database.prefix,
      clock: systemClock,
      report: () => {},
    })
    await redis.opened
  })
  afterAll(async () => {
    redis.close()
    await database.stop()
  })

  it('keep the property names of the first release, and are read back under the names of today', async () => {
    const journal = createRedisJournal(redis.tolerant, systemClock)
    const client = database.client()
    const key = `${database.prefix}ledger:{24}:operation:24-first_release`
    const sending = { since: 1, chunk: 0, attempt: 1, rows: [0], baseline: {} }
    const check = { since: 2, baseline: { anna: [3] } }
    const record = { id: '24-first_release', organization: 24, state: 'running', startedAt: 1 }
    const stored = { v: 1, ...record, sending: { ...sending, silent: false }, watch: check }
    const operation = { ...record, sending: { ...sending, noReply: false }, duplicateCheck: check }
    await client.set(key, JSON.stringify({ ...stored, givenUp: { ...sending, silent: true } }))
    const givenUp = { ...sending, noReply: true }
    expect(await journal.get('24-first_release')).toEqual({ ...operation, givenUp })
    await client.del(key)
    await journal.create(operation as unknown as Operation, [[]])
    expect(JSON.parse((await client.get(key)) as string)).toEqual(stored)
    await client.del(key, `${database.prefix}ledger:open`)
  })

  it('of an older version are understood, and those of a newer left alone', async () => {
    const journal = createRedisJournal(redis.tolerant, systemClock)
    const client = database.client()
    const put = (id: string, record: object) =>
      client.set(`${database.prefix}ledger:{24}:operation:${id}`, JSON.stringify({ id, ...record }))
    // As it was written when doubt still had a date of its own.
    const doubt = { chunk: 0, attempt: 1, rows: [0], baseline: {}, doubtAt: 1_700_000_000_000 }
    await put('24-an_older_one', { v: 0, organization: 24, state: 'running', sending: doubt })
    expect(await journal.get('24-an_older_one')).toMatchObject({ state: 'running', sending: doubt })
    await put('24-a_newer_one', { v: 99, organization: 24, state: 'running' })
    expect(await journal.get('24-a_newer_one')).toBeUndefined()

    // It stays listed for whoever understands it, and is not begun again.
    await client.zadd(`${database.prefix}ledger:open`, '1', '24-a_newer_one', '1', '24-a_lost_one')
    expect(await journal.open()).toEqual([])
    expect(await client.zrange(`${database.prefix}ledger:open`, '0', '-1')).toEqual(['24-a_newer_one'])
    const again = { id: '24-a_newer_one', organization: 24, state: 'running', startedAt: 1 } as Operation
    await expect(journal.create(again, [[]])).rejects.toMatchObject({ code: 'redis.unavailable' })
  })
})
