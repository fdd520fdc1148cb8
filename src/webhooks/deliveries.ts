import { randomBytes } from 'node:crypto'
import { type Clock, every, pause } from '../clock.ts'
import { isFailure } from '../errors.ts'
import type { EventLog } from '../events/events.ts'
import { type Courier, createCourier } from './courier.ts'
import { leaseMs, type Webhook, type WebhookStore } from './webhook.ts'

const lookMs = 1000
/** The holder stops this long before its lease ends. */
const safetyMs = 1000
/** The most deliveries of this instance at a time: in all, and of those that failed before. */
const atOnce = 100
const failingAtOnce = 50

type Parts = Omit<Parameters<typeof createCourier>[1], 'owner' | 'isHeld' | 'enter' | 'onEnd'>

/**
 * Delivers for the webhooks whose lease this instance gets. Leases are renewed each second. When an instance dies, another
 * one goes on within the time of a lease.
 */
export const createDeliveries = (parts: Parts & { log: EventLog; clock: Clock; store: WebhookStore }) => {
  const { store, log, clock } = parts
  const owner = randomBytes(12).toString('base64url')
  const couriers = new Map<string, Courier>()
  let known = new Map<string, Webhook>()
  let version = ''
  let heldUntil = Number.NEGATIVE_INFINITY
  let inFlight = 0
  let failing = 0
  let isStopping = false
  let leaveFeed: (() => void) | undefined
  let looking: Promise<void> | undefined

  const enter = (isFailing: boolean): (() => void) | undefined => {
    if (inFlight >= atOnce || (isFailing && failing >= failingAtOnce)) return undefined
    inFlight++
    if (isFailing) failing++
    return () => {
      inFlight--
      if (isFailing) failing--
      all((courier) => courier.pump())
    }
  }
  const courierOf = (webhook: Webhook): Courier => {
    const { id } = webhook
    const isHeld = (): boolean => !isStopping && clock.now() < heldUntil
    const onEnd = (): void => void couriers.delete(id)
    const courier = couriers.get(id) ?? createCourier(webhook, { ...parts, owner, isHeld, enter, onEnd })
    // To the end, so that each is the first one in turn.
    couriers.delete(id)
    couriers.set(id, courier)
    return courier
  }
  const all = (act: (courier: Courier) => void): void => {
    for (const courier of [...couriers.values()]) act(courier)
  }
  const listen = (): void => {
    if (couriers.size > 0)
      leaveFeed ??= log.join({
        heard: (logged, { epoch }) => all((courier) => courier.heard(logged, epoch)),
        lost: () => all((courier) => courier.look()),
      })
    else {
      leaveFeed?.()
      leaveFeed = undefined
    }
  }
  const lookOnce = async (): Promise<void> => {
    const askedAt = clock.now()
    const found = await store.claim(owner, version)
    // Another instance may have had the leases meanwhile, so what is known of the progress may be old.
    if (clock.now() >= heldUntil) all((courier) => courier.end())
    heldUntil = askedAt + leaseMs - safetyMs
    if (found.webhooks) known = new Map(found.webhooks.map((webhook) => [webhook.id, webhook]))
    version = found.version
    const mine = found.mine.flatMap((id) => known.get(id) ?? [])
    const ids = new Set(found.mine)
    for (const [id, courier] of [...couriers]) if (!ids.has(id)) courier.end()
    for (const webhook of mine) courierOf(webhook).check(webhook)
    listen()
  }
  /** One after the other. While the store is away, nothing changes but that the leases run out. */
  const look = (): Promise<void> => {
    looking ??= lookOnce()
      .catch((error) => {
        if (!isFailure(error)) throw error
      })
      .finally(() => {
        looking = undefined
      })
    return looking
  }
  const stopLooking = every(clock, lookMs, () => void look())

  return {
    look,
    webhooks: (): Iterable<Webhook> => known.values(),
    /** Lets what is in flight end while the leases hold. Other instances go on at once. */
    stop: async (): Promise<void> => {
      isStopping = true
      stopLooking()
      await looking
      while (inFlight > 0 && clock.now() < heldUntil) await pause(clock, 25)
      leaveFeed?.()
      const ids = [...couriers.keys()]
      all((courier) => courier.end())
      await store.release(owner, ids).catch(() => {})
    },
  }
}
