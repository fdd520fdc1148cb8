import type { Caller } from '../../src/access/caller.ts'
import type { ChangeSet } from '../../src/contract/audit.ts'
import { createEventFeed } from '../../src/events/event-feed.ts'
import type { EventStore } from '../../src/events/event-store.ts'
import { createMemoryEventStore } from '../../src/events/memory-event-store.ts'
import type { Redis } from '../../src/redis/redis.ts'
import type { Report } from '../../src/report.ts'
import { Secret } from '../../src/secret.ts'
import { createWebhooks } from '../../src/webhooks/webhooks.ts'
import { createClock, endsOn, type HandClock } from '../support/clock.ts'
import { type Receiver, startReceiver } from './webhook-receiver.ts'

const hour = 3_600_000
let requests = 0
export const request = () => ({ requestKey: `request${++requests}`, requestId: `id-${requests}` })

export const callerOf = (organizations: number[] | '*', keyHash = 'sha256:1'): Caller => ({
  id: 'crm',
  kind: 'key',
  keyHash,
  scopes: new Set(['webhooks:manage']),
  organizations: organizations === '*' ? '*' : new Set(organizations),
  requestsPerMinute: 1,
  expiresAt: undefined,
})

/** Instances that deliver from one log to a receiver on loopback, on a clock that is moved by hand. */
export const createWebhookWorld = async (
  options: { redis?: Redis; store?: EventStore; eventsMax?: number } = {},
) => {
  const clock: HandClock = createClock(Date.now())
  const { redis, eventsMax = 1000 } = options
  const store = options.store ?? createMemoryEventStore(clock, { keepMs: 7 * 24 * hour, eventsMax })
  const receiver: Receiver = await startReceiver()
  const callers = new Map<string, Caller>()
  const caller = callerOf('*')
  callers.set('sha256:1', caller)
  const reports: Report[] = []
  const audit: ChangeSet[] = []
  const secret = new Secret('s'.repeat(40))
  const feed = createEventFeed(store, clock)

  const startInstance = (own: HandClock = clock, through: Redis | undefined = redis) =>
    createWebhooks({
      redis: through,
      clock: own,
      report: (report) => void reports.push(report),
      onChange: async (set) => void audit.push(set),
      log: { read: store.read, place: store.place, join: feed.join },
      keyNow: (keyHash) => callers.get(keyHash),
      webhookHosts: [],
      webhookPrivateHosts: [`${receiver.host}=127.0.0.1`],
      webhookTimeoutMs: 10_000,
      tokenEncryptionSecret: secret,
      quotasPerClient: { webhooks: 3 },
      version: '0',
    })
  const first = startInstance()
  let told = 0
  return {
    ...first,
    ...{ clock, receiver, caller, callers, reports, audit, store, startInstance },
    /** Appends an event of each name to the log of an organization. */
    tell: async (organization: number, ...names: string[]): Promise<void> => {
      const { version, seen } = await store.load(organization)
      const events = names.map((name) => ({ organization, text: textOf(organization, name) }))
      await store.append(organization, version, {
        rows: new Map([[++told, `active  ${told} 0`]]),
        seen,
        events,
      })
    },
    create: (wanted: object = {}) =>
      first.webhooks.create(caller, { url: receiver.url, description: '', ...wanted }, request()),
    /** Moves to the next attempt that waits. */
    next: async (id: string): Promise<void> => {
      const { failing } = await first.webhooks.get(caller, id)
      const soonest = Math.min(...failing.map(({ nextAttemptAt }) => Date.parse(nextAttemptAt)))
      clock.jumpWall(Math.max(0, soonest - clock.wall()))
      await clock.advance(1000)
    },
    /** Names in the order of arrival. */
    names: (messages = receiver.taken, organization?: number): string[] =>
      messages.flatMap(({ body: { type, data } }) =>
        organization !== undefined && data.organization !== organization ? [] : [data.operator?.name ?? type],
      ),
    stop: async (): Promise<void> => {
      await receiver.close()
      await endsOn(clock, first.stop())
    },
  }
}
const textOf = (organization: number, operator: string): string =>
  JSON.stringify({
    ...{ type: 'operator.added', organization, name: null, from: null, to: null },
    operator: { id: 1, name: operator, status: 'active' },
    ...{ observedAt: '2026-01-01T00:00:00.000Z', via: 'gateway', between: null },
    ...{ client: 'crm', operation: null, late: false },
  })

export type WebhookWorld = Awaited<ReturnType<typeof createWebhookWorld>>
