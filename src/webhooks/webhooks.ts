import { randomBytes } from 'node:crypto'
import { hasScope } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import type { Clock } from '../clock.ts'
import { type OnChange, oneChange } from '../contract/audit.ts'
import type * as contract from '../contract/webhook.ts'
import { Failure } from '../errors.ts'
import type { EventLog } from '../events/events.ts'
import { logsOf } from '../events/follow-events.ts'
import type { Redis } from '../redis/redis.ts'
import type { Reporter } from '../report.ts'
import { Secret } from '../secret.ts'
import type { Tracing } from '../tracing/tracing.ts'
import { checkWebhook, tooManyWebhooks } from './check-webhook.ts'
import { createDeliveries } from './deliveries.ts'
import { createMemoryWebhookStore } from './memory-webhook-store.ts'
import { createSendMessage, testType } from './message.ts'
import { replayed } from './progress.ts'
import { createRedisWebhookStore } from './redis-webhook-store.ts'
import { createSender } from './sender.ts'
import { showWebhook } from './show-webhook.ts'
import { createSigningKeys } from './signing-keys.ts'
import { createTargets } from './target.ts'
import type { Webhook } from './webhook.ts'

type Shown = contract.Webhook
type ShownOnce = Shown & { secret: string }
/** Identifies a request, and a repetition under the same Idempotency-Key. */
type Request = { requestKey: string; requestId: string }

/**
 * Webhooks of the caller's client. A webhook has the rights that its key has now.
 * @throws Failure `webhook.unknown`, `redis.unavailable`
 */
export type Webhooks = {
  list(caller: Caller): Promise<Shown[]>
  get(caller: Caller, id: string): Promise<Shown>
  /** @throws Failure `webhook.key-needed`, `webhook.unavailable`, `request.invalid-body`, `organization.unknown`, `quota.exceeded` */
  create(caller: Caller, wanted: contract.NewWebhook, request: Request): Promise<ShownOnce>
  remove(caller: Caller, id: string, request: Request): Promise<void>
  test(caller: Caller, id: string): Promise<contract.WebhookTest>
  /** @throws Failure `webhook.key-needed` */
  replay(caller: Caller, id: string, wanted: contract.Replay, request: Request): Promise<Shown>
  /** @throws Failure `webhook.key-needed`, `webhook.unavailable` */
  rotate(caller: Caller, id: string, wanted: contract.RotateSecret, request: Request): Promise<ShownOnce>
  deadLetters(caller: Caller, id: string): Promise<contract.DeadLetter[]>
}

export const createWebhooks = (options: {
  redis: Redis | undefined
  clock: Clock
  report: Reporter
  onChange: OnChange
  log: EventLog
  keyNow(keyHash: string): Caller | undefined
  webhookHosts: readonly string[]
  webhookPrivateHosts: readonly string[]
  webhookTimeoutMs: number
  tokenEncryptionSecret: Secret | undefined
  quotasPerClient: { webhooks: number }
  version: string
  tracing?: Tracing
}) => {
  const { redis, clock, onChange, log, keyNow, webhookHosts, webhookPrivateHosts } = options
  const store = redis ? createRedisWebhookStore(redis.tolerant) : createMemoryWebhookStore()
  const ownSecret = redis ? undefined : new Secret(randomBytes(32).toString('base64'))
  const keys = createSigningKeys(options.tokenEncryptionSecret ?? ownSecret, clock)
  const targets = createTargets(webhookHosts, webhookPrivateHosts)
  const send = createSendMessage(createSender({ ...options, targets }), keys, clock)
  const isEnabled = webhookHosts.length + webhookPrivateHosts.length > 0

  const keyOf = ({ keyHash, client }: Webhook): Caller | undefined => {
    const caller = keyNow(keyHash)
    return caller?.id === client && hasScope(caller, 'webhooks:manage') ? caller : undefined
  }
  const callerOf = (webhook: Webhook): Caller | undefined =>
    keys.keysOf(webhook).length > 0 ? keyOf(webhook) : undefined
  const deliveries = isEnabled ? createDeliveries({ ...options, store, send, callerOf }) : undefined

  const own = async (caller: Caller, id: string): Promise<Webhook> => {
    const found = (await store.list()).find((one) => one.id === id && one.client === caller.id)
    if (!found) throw new Failure('webhook.unknown')
    return found
  }
  const show = async (webhook: Webhook): Promise<Shown> =>
    showWebhook(webhook, await store.load(webhook.id), {
      hasKey: keyOf(webhook) !== undefined,
      canSign: keys.keysOf(webhook).length > 0,
      now: clock.wall(),
    })
  const showOnce = async (webhook: Webhook): Promise<ShownOnce> => {
    const [secret = ''] = keys.keysOf(webhook)
    return { ...(await show(webhook)), secret }
  }
  const keyHashOf = ({ keyHash }: Caller): string => {
    if (keyHash === undefined) throw new Failure('webhook.key-needed')
    return keyHash
  }
  const requireSecret = (): void => {
    if (!keys.isAvailable()) throw new Failure('webhook.unavailable')
  }
  /** Changes what is kept of a webhook, whatever others change meanwhile. */
  const change = async (caller: Caller, id: string, to: (webhook: Webhook) => Webhook): Promise<Webhook> => {
    for (;;) {
      const before = await own(caller, id)
      const after = to(before)
      if (JSON.stringify(after) === JSON.stringify(before) || (await store.replace(before, after)))
        return after
    }
  }
  type Kind = 'webhookCreated' | 'webhookDeleted' | 'webhookReplayed' | 'webhookSecretRotated'
  const record = async (caller: Caller, webhook: Webhook, kind: Kind, { requestId }: Request) => {
    const mine = logsOf(caller, webhook)
    const { id: client, subject } = caller
    const changes = [{ ...oneChange, kind }]
    const told = { at: clock.wall(), client, subject, requestId, operation: webhook.id, changes }
    for (const organization of mine === 'all' ? [null] : mine) await onChange({ organization, ...told })
    await deliveries?.look()
  }
  const webhooks: Webhooks = {
    list: async (caller) => {
      const all = await store.list()
      const mine = all.filter(({ client }) => client === caller.id)
      return Promise.all(mine.toSorted((a, b) => a.createdAt - b.createdAt).map(show))
    },
    get: async (caller, id) => show(await own(caller, id)),
    create: async (caller, wanted, request) => {
      const keyHash = keyHashOf(caller)
      requireSecret()
      const url = await checkWebhook(caller, wanted, targets)
      const id = `wh_${request.requestKey}`
      const now = clock.wall()
      const secrets = keys.add(id, [], request.requestKey, now)
      const kept = { keyHash, createdAt: now, secrets, replays: 0 }
      const webhook = { id, client: caller.id, ...wanted, url, ...kept }
      const begin = { place: await log.place(), backlogs: new Map(), known: logsOf(caller, webhook) }
      const most = options.quotasPerClient.webhooks
      const created = await store.create(webhook, begin, most)
      if (created !== 'created') throw tooManyWebhooks(created, most)
      await record(caller, webhook, 'webhookCreated', request)
      // A repetition finds what the first request made.
      return showOnce(await own(caller, id))
    },
    remove: async (caller, id, request) => {
      const webhook = await own(caller, id)
      await store.remove(id)
      await record(caller, webhook, 'webhookDeleted', request)
    },
    test: async (caller, id) => {
      const webhook = await own(caller, id)
      requireSecret()
      const testId = `test-${randomBytes(12).toString('hex')}`
      const message = {
        id: testId,
        type: testType,
        observedAt: new Date(clock.wall()).toISOString(),
      } as const
      const { outcome, status } = await send(webhook, message, new AbortController().signal)
      if (outcome === 'delivered') return { delivered: true, status, reason: null }
      return {
        delivered: false,
        status,
        reason: outcome === 'gone' || outcome === 'aborted' ? 'status' : outcome,
      }
    },
    replay: async (caller, id, { after }, request) => {
      const keyHash = keyHashOf(caller)
      await own(caller, id)
      const owner = request.requestKey
      // Whoever delivers now can change nothing any more, and begins anew before it can again.
      await store.seize(id, owner)
      if (!(await store.save(id, owner, replayed(await store.load(id), after))))
        throw new Failure('redis.unavailable', { retryAfterMs: 1000 })
      const webhook = await change(caller, id, (one) => ({ ...one, keyHash, replays: one.replays + 1 }))
      await store.release(owner, [id])
      await record(caller, webhook, 'webhookReplayed', request)
      return show(webhook)
    },
    rotate: async (caller, id, { overlapSeconds }, request) => {
      const keyHash = keyHashOf(caller)
      requireSecret()
      const until = clock.wall() + overlapSeconds * 1000
      const webhook = await change(caller, id, (one) => {
        const isDone = one.secrets[0]?.by === request.requestKey
        const secrets = isDone ? one.secrets : keys.add(id, one.secrets, request.requestKey, until)
        return { ...one, keyHash, secrets }
      })
      await record(caller, webhook, 'webhookSecretRotated', request)
      return showOnce(webhook)
    },
    deadLetters: async (caller, id) => (await store.load((await own(caller, id)).id)).dead,
  }
  return {
    webhooks,
    interests: function* () {
      for (const webhook of deliveries?.webhooks() ?? []) {
        const caller = callerOf(webhook)
        if (caller) yield { caller, wanted: webhook }
      }
    },
    webhookKeys: { replaceSecret: keys.replaceSecret },
    stop: async (): Promise<void> => deliveries?.stop(),
  }
}
