import type { Clock } from '../clock.ts'
import type { Reporter } from '../report.ts'
import { createMemoryQuotas } from './memory-quotas.ts'
import type { Limits, Quotas } from './quotas.ts'
import type { Redis } from './redis.ts'
import { createRedisQuotas } from './redis-quotas.ts'

/** The quotas over all instances, or of this process. */
export const createQuotas = ({
  redis,
  ...options
}: Limits & { redis: Redis | undefined; clock: Clock; report: Reporter }): Quotas =>
  redis ? createRedisQuotas(redis.tolerant, options, options) : createMemoryQuotas(options, options)
