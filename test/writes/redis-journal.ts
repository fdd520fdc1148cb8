import { type Clock, systemClock } from '../../src/clock.ts'
import { clientQuotas, organizationQuotas, type QuotaOptions } from '../../src/redis/quotas.ts'
import { createRedis } from '../../src/redis/redis.ts'
import { createRedisQuotas } from '../../src/redis/redis-quotas.ts'
import { type JournalStore, operationKeepMs } from '../../src/writes/journal.ts'
import { createRedisJournal } from '../../src/writes/redis-journal.ts'
import { createRedisOrganizationLock } from '../../src/writes/redis-organization-lock.ts'
import type { TestDatabase } from '../support/redis.ts'

/** A journal of its own on this database, as one instance has it, once Redis is ready. */
export const openRedisJournal = async (
  database: TestDatabase,
  {
    url = database.url,
    clock = systemClock as Clock,
    limits = { quotasPerClient: clientQuotas, quotasPerOrganization: organizationQuotas } as Omit<
      QuotaOptions,
      'clock' | 'report'
    >,
    rowsKeepMs = operationKeepMs,
  } = {},
): Promise<{ journal: JournalStore; close(): void }> => {
  let isReady = (): void => {}
  const ready = new Promise<void>((resolve) => {
    isReady = resolve
  })
  const redis = createRedis({
    commandMs: 20_000,
    url,
    prefix: database.prefix,
    clock: systemClock,
    report: (report) => {
      if (report.name === 'redis' && report.event === 'ready') isReady()
    },
  })
  await ready
  const lockOptions = { redis: redis.tolerant, clock: systemClock, graceMs: 0, redisDataSince: 'since' }
  // The whole grace has passed, as in a Redis that was not flushed of late.
  await database.client().set(`${database.prefix}since`, '1')
  const journal = createRedisJournal({
    redis: redis.tolerant,
    clock,
    lock: createRedisOrganizationLock(lockOptions),
    quotas: createRedisQuotas(redis.tolerant, { ...limits, clock, report: () => {} }),
    rowsKeepMs,
  })
  return { journal, close: redis.close }
}
