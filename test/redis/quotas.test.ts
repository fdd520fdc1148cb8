import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { systemClock } from '../../src/clock.ts'
import type { Failure } from '../../src/errors.ts'
import { createMemoryQuotas } from '../../src/redis/memory-quotas.ts'
import {
  clientQuotas,
  organizationQuotas,
  type QuotaOptions,
  type Quotas,
  type Thing,
} from '../../src/redis/quotas.ts'
import { createRedis } from '../../src/redis/redis.ts'
import { createRedisQuotas } from '../../src/redis/redis-quotas.ts'
import { createClock } from '../support/clock.ts'
import { describeWithRedis } from '../support/needs.ts'
import { openRedis, type TestDatabase } from '../support/redis.ts'
import { until } from '../support/until.ts'

type Opened = {
  quotas: Quotas
  /** Lets time pass. */
  pass(ms: number): Promise<void>
}

const hourMs = 3_600_000
/** Redis runs on in real time between two commands; nothing here lasts that long. */
const slackMs = 60_000
const limits: Omit<QuotaOptions, 'clock' | 'report'> = {
  quotasPerClient: { ...clientQuotas, operations: 3, rows: 10, tokens: 5 },
  quotasPerOrganization: { ...organizationQuotas, operations: 4, rows: 12 },
}
let number = 0
const newClient = (): string => `client ${++number}`
const refusalOf = (taken: Promise<void>): Promise<Failure> =>
  taken.then(
    () => Promise.reject(new Error('It was taken.')),
    (error) => error as Failure,
  )

/** What every implementation guarantees. */
const suite = (open: () => Opened): void => {
  const token = (client: string, id: string, keepMs = hourMs): Thing => ({
    kind: 'tokens',
    client,
    id,
    keepMs,
  })

  it('counts each thing once, refuses what is too much, and says when it fits', async () => {
    const { quotas, pass } = open()
    const client = newClient()
    for (let i = 0; i < 5; i++) await quotas.take([token(client, `${i}`, (5 - i) * hourMs)])
    await quotas.take([token(client, '0', 5 * hourMs)])
    const refused = await refusalOf(quotas.take([token(client, 'more')]))
    expect(refused).toMatchObject({ code: 'quota.exceeded', status: 429 })
    expect(refused.detail).toMatch(/^The gateway keeps 5 tokens for this client, and 5 is the limit\. /)
    expect(refused.headers).toMatchObject({ 'RateLimit-Policy': '"client-tokens";q=5' })
    expect(Math.abs((refused.retryAfterMs as number) - hourMs)).toBeLessThan(slackMs)
    await quotas.take([token(newClient(), 'of another client')])
    await pass(hourMs)
    await quotas.take([token(client, 'more')])
  })

  it('counts weights, for the client and for the organization, all of it or nothing', async () => {
    const { quotas } = open()
    const organization = 1000 + ++number
    const [one, two] = [newClient(), newClient()]
    const write = (client: string, id: string, weight: number): Thing[] => [
      { kind: 'operations', client, organization, id, keepMs: hourMs },
      { kind: 'rows', client, organization, id, weight, keepMs: hourMs },
    ]
    await quotas.take(write(one, 'a', 7))
    expect((await refusalOf(quotas.take(write(one, 'b', 4)))).detail).toContain('This request needs 4.')
    const full = await refusalOf(quotas.take(write(two, 'c', 6)))
    expect(full.detail).toMatch(/^The gateway keeps 7 rows for this organization, and 12 is the limit\. /)
    // Nothing of the refused ones is counted.
    await quotas.take(write(one, 'd', 1))
    await quotas.take(write(one, 'e', 1))
    expect((await refusalOf(quotas.take(write(one, 'f', 1)))).detail).toContain('3 operations')
    await quotas.release(write(one, 'a', 7))
    await quotas.take(write(one, 'g', 8))
  })

  it('extends what is counted above the limits too, and forgets all in the end', async () => {
    const { quotas, pass } = open()
    const client = newClient()
    for (let i = 0; i < 7; i++) await quotas.extend([token(client, `${i}`, i === 0 ? hourMs : 9 * hourMs)])
    await quotas.extend([token(client, '0', 20 * hourMs)])
    await pass(10 * hourMs)
    for (const id of ['a', 'b', 'c', 'd']) await quotas.take([token(client, id, hourMs)])
    expect((await refusalOf(quotas.take([token(client, 'e')]))).code).toBe('quota.exceeded')
  })

  it('takes what is heavier than the limit alone, so that every wait helps', async () => {
    const { quotas, pass } = open()
    const client = newClient()
    await quotas.take([token(client, 'small')])
    const heavy = { ...token(client, 'heavy'), weight: 6 }
    await pass((await refusalOf(quotas.take([heavy]))).retryAfterMs as number)
    await quotas.take([heavy])
    await quotas.release([heavy])
    await quotas.take([heavy])
  })

  it('agrees with a list of what is kept, whatever happens', async () => {
    const { quotas, pass } = open()
    const step = fc.record({
      what: fc.constantFrom('take', 'take', 'take', 'extend', 'release', 'pass'),
      id: fc.integer({ min: 0, max: 6 }),
      hours: fc.integer({ min: 1, max: 5 }),
    })
    const holds = async (steps: { what: string; id: number; hours: number }[]): Promise<void> => {
      const client = newClient()
      let kept: { id: number; leftMs: number }[] = []
      // The weight follows from the id. Rows of a client have the limit 10.
      const weightOf = (id: number): number => 1 + (id % 4)
      for (const { what, id, hours } of steps) {
        const thing: Thing = {
          kind: 'rows',
          client,
          id: `${id}`,
          weight: weightOf(id),
          keepMs: hours * hourMs,
        }
        const others = kept.filter((one) => one.id !== id)
        const sum = kept.reduce((total, one) => total + weightOf(one.id), 0)
        if (what === 'pass') {
          await pass(hours * hourMs)
          const left = kept.map((one) => ({ ...one, leftMs: one.leftMs - hours * hourMs }))
          kept = left.filter(({ leftMs }) => leftMs > 0)
        } else if (what === 'release') {
          await quotas.release([thing])
          kept = others
        } else if (what === 'take' && others.length === kept.length && sum + weightOf(id) > 10) {
          let excess = sum + weightOf(id) - 10
          let fitsMs = 0
          for (const one of kept.toSorted((a, b) => a.leftMs - b.leftMs))
            if (excess > 0) {
              excess -= weightOf(one.id)
              fitsMs = one.leftMs
            }
          const refused = await refusalOf(quotas.take([thing]))
          expect(Math.abs((refused.retryAfterMs as number) - fitsMs)).toBeLessThan(slackMs)
        } else {
          await (what === 'take' ? quotas.take([thing]) : quotas.extend([thing]))
          kept = [...others, { id, leftMs: hours * hourMs }]
        }
      }
    }
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), holds), {
      numRuns: 40,
      ...(process.env['SEED'] && { seed: Number(process.env['SEED']) }),
    })
  })
}

describe('the quotas of one process', () => {
  suite(() => {
    const clock = createClock()
    const quotas = createMemoryQuotas({ ...limits, clock, report: () => {} })
    return { quotas, pass: (ms) => clock.advance(ms) }
  })
})

describeWithRedis('the quotas in Redis', () => {
  let database: TestDatabase
  let redis: ReturnType<typeof createRedis>
  let client: ReturnType<TestDatabase['client']>
  beforeAll(async () => {
    database = await openRedis()
    client = database.client()
    redis = createRedis({ ...database, clock: systemClock, commandMs: 20_000, report: () => {} })
    await until(() => redis.state() === 'ready')
  })
  afterAll(async () => {
    redis.close()
    await database.stop()
  })
  const clear = async () => {
    for (const key of await client.keys(`${database.prefix}kept:*`)) await client.del(key)
  }
  beforeEach(clear)
  afterEach(clear)
  const keys = (): Promise<string[]> => client.keys(`${database.prefix}kept:*`)
  const open = (): Opened => ({
    quotas: createRedisQuotas(redis.tolerant, { ...limits, clock: systemClock, report: () => {} }),
    // What is kept ends earlier by so much.
    pass: async (ms) => {
      for (const key of await keys())
        if (!key.endsWith(':sum'))
          for (const member of await client.zrange(key, '0', '-1')) await client.zincrby(key, -ms, member)
    },
  })
  suite(open)

  it('expire with what they count, and change lists in the same command', async () => {
    const { quotas } = open()
    const thing: Thing = { kind: 'tokens', client: newClient(), id: 'a', keepMs: hourMs }
    const list = 'journal:{kept}:test'
    await quotas.take([thing], [{ key: list, member: 'x', score: 5 }])
    for (const key of await keys()) expect(await client.pttl(key)).toBeGreaterThan(hourMs - slackMs)
    expect(await keys()).toHaveLength(2)
    expect(await client.zrange(database.prefix + list, '0', '-1', 'WITHSCORES')).toEqual(['x', '5'])
    await quotas.release([thing], [{ key: list, member: 'x' }])
    expect(await client.exists(database.prefix + list)).toBe(0)
    expect(await client.get((await keys())[0] as string)).toBe('0')
  })
})
