import type { AuditStore, Retention } from '../../src/audit/audit-store.ts'
import { createMemoryAuditStore } from '../../src/audit/memory-audit-store.ts'
import { createRedisAuditStore } from '../../src/audit/redis-audit-store.ts'
import { systemClock } from '../../src/clock.ts'
import type { ChangeSet } from '../../src/contract/audit.ts'
import { createRedis } from '../../src/redis/redis.ts'
import type { TestDatabase } from '../support/redis.ts'
import { until } from '../support/until.ts'

type OpenStore = (retention?: Partial<Retention>) => Promise<{ store: AuditStore; close(): void }>

const day = 86_400_000
const usual: Retention = { keepMs: 90 * day, entriesMax: 10_000 }

export const openMemoryStore: OpenStore = async (retention) => ({
  store: createMemoryAuditStore(systemClock, { ...usual, ...retention }),
  close: () => {},
})

/** A store with its own connection, as each instance has. */
export const openRedisStore =
  ({ url, prefix }: TestDatabase): OpenStore =>
  async (retention) => {
    const redis = createRedis({ url, prefix, clock: systemClock, commandMs: 20_000, report: () => {} })
    await until(() => redis.state() === 'ready')
    const store = createRedisAuditStore(redis.tolerant, systemClock, { ...usual, ...retention })
    return { store, close: redis.close }
  }

/** Changes of one step: each name was added. */
export const added = (names: string[], more: Partial<ChangeSet> = {}): ChangeSet => ({
  organization: 24,
  at: 0,
  client: 'crm',
  step: { name: 'one', keepMs: day },
  changes: names.map((name, key) => ({
    kind: 'added',
    operator: { id: 100 + key, name },
    from: null,
    to: 'active',
    outcome: 'applied',
    reason: null,
    key,
  })),
  ...more,
})
