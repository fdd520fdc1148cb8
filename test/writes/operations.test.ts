import { describe, expect, it } from '@jest/globals'
import type { Caller } from '../../src/access/caller.ts'
import { systemClock } from '../../src/clock.ts'
import { createRedis } from '../../src/redis/redis.ts'
import { createMemoryJournal, type Journal } from '../../src/writes/journal.ts'
import { countRows, type Operation, type Row } from '../../src/writes/operation.ts'
import { createOperations } from '../../src/writes/operations.ts'
import { createLocalOrganizationLock } from '../../src/writes/organization-lock.ts'
import { createRedisJournal } from '../../src/writes/redis-journal.ts'
import { createRedisOrganizationLock } from '../../src/writes/redis-organization-lock.ts'
import type { Runner } from '../../src/writes/runner.ts'
import { createClock } from '../support/clock.ts'
import { describeWithRedis } from '../support/needs.ts'
import { openRedis } from '../support/redis.ts'

const rows: Row[] = [{ index: 0, name: 'Anna', outcome: 'unknown' }]
const operation = (change: Partial<Operation>): Operation => ({
  id: '24-operation_1',
  kind: 'add',
  client: 'crm',
  organization: 24,
  state: 'running',
  onDuplicate: 'skip',
  onDeleted: 'report',
  total: 1,
  counts: countRows(rows),
  next: 0,
  chunks: 1,
  startedAt: 0,
  ...change,
})
/** Runs nothing, and notes what it was asked for. */
const createIdleRunner = () => {
  const asked: string[] = []
  const run: Runner['run'] = async (id) => {
    asked.push(id)
    return undefined
  }
  return { asked, runner: { run } as Runner }
}

describe('what a stopped instance left behind', () => {
  it('is taken up though that instance’s clock was an hour ahead', async () => {
    const clock = createClock()
    const journal = createMemoryJournal(clock)
    await journal.create(operation({ startedAt: clock.wall() + 3_600_000 }), [rows])
    const { asked, runner } = createIdleRunner()
    const stop = createOperations({
      journal,
      organizationLock: createLocalOrganizationLock(clock),
      runner,
      clock,
    }).sweep()
    await clock.advance(19_000)
    expect(asked).toEqual([])
    await clock.advance(8000)
    expect(asked).toContain('24-operation_1')
    stop()
  })
})

describeWithRedis('an operation that is tried again', () => {
  it('stays listed as open though another instance, which still saw it ended, took it off', async () => {
    const database = await openRedis()
    const clock = systemClock
    const redis = createRedis({ url: database.url, prefix: database.prefix, clock, report: () => {} })
    await redis.opened
    const journal = createRedisJournal(redis.tolerant, clock)
    await journal.create(operation({ state: 'needsReview' }), [rows])
    const racing: Journal = {
      ...journal,
      save: async (...what) => {
        await journal.open() // the other instance's sweep
        return journal.save(...what)
      },
    }
    const organizationLock = createRedisOrganizationLock({
      redis: redis.tolerant,
      clock,
      graceMs: 0,
      redisDataSince: 'born',
    })
    const { runner } = createIdleRunner()
    const operations = createOperations({ journal: racing, organizationLock, runner, clock })
    const caller: Caller = {
      id: 'crm',
      kind: 'key',
      scopes: new Set(['operators:write']),
      organizations: '*',
      requestsPerMinute: 1,
      expiresAt: undefined,
    }
    await operations.retry(caller, '24-operation_1', 'requestKey')
    expect(await journal.open()).toEqual(['24-operation_1'])
    redis.close()
    await database.stop()
  })
})
