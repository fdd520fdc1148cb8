import { mayTouch } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import type { Clock } from '../clock.ts'
import { isFailure } from '../errors.ts'
import type { Logged } from '../events/event-store.ts'
import { type KeptEvent, loggedEvent } from '../events/event-text.ts'
import type { EventLog } from '../events/events.ts'
import { isWanted, logsOf } from '../events/follow-events.ts'
import type { Reporter } from '../report.ts'
import { createBacklogs } from './backlogs.ts'
import type { SendMessage } from './message.ts'
import { applyChange, followRights } from './progress.ts'
import type { Backlog, Progress, ProgressChange, Webhook, WebhookStore } from './webhook.ts'

/** The most deliveries of one webhook at a time; one while they fail. */
const atOnce = 4
/** After so many deliveries of one organization the others come first. */
const turnOf = 20
/** The log is looked through at least so often, so that the place in a quiet one does not get old. */
const scanMs = 10_000
/** How long a webhook is kept whose key has ended. */
const keylessMs = 30 * 86_400_000

class LeaseLost extends Error {}

/**
 * Delivers for one webhook while this instance holds its lease. The events of each organization go one after the other,
 * those of several organizations beside each other. A failed delivery holds back its organization alone. What is done is
 * kept after each attempt, so whoever goes on repeats only what was in flight.
 */
export const createCourier = (
  first: Webhook,
  parts: {
    store: WebhookStore
    log: Pick<EventLog, 'read' | 'place'>
    owner: string
    clock: Clock
    report: Reporter
    isHeld(): boolean
    /** With the rights of now. Undefined: nothing may be sent. */
    callerOf(webhook: Webhook): Caller | undefined
    send: SendMessage
    /** Counts a delivery of this instance until the returned function is called. Undefined: there are too many. */
    enter(isFailing: boolean): (() => void) | undefined
    onEnd(): void
  },
) => {
  const { id } = first
  const { store, owner, clock, report } = parts
  const busy = new Map<number, AbortController>()
  let webhook = first
  let caller: Caller | undefined
  let lastCaller: Caller | undefined
  let progress: Progress | undefined
  let loading: Promise<Progress> | undefined
  let isScanning = false
  let isHeard = true
  let scannedAt = Number.NEGATIVE_INFINITY
  let isFailing = false
  let isEnded = false

  /** With the last rights, while there are none: what is passed over is never delivered. */
  const wants = (kept: KeptEvent): boolean => isWanted((caller ?? lastCaller) as Caller, webhook, kept, false)
  const end = (): void => {
    if (isEnded) return
    isEnded = true
    for (const delivery of busy.values()) delivery.abort()
    parts.onEnd()
  }
  /** Work that ends the courier when it fails. The next one begins with what is kept. */
  const run = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work()
    } catch (error) {
      const because = isFailure(error) ? error.code : (error as Error).constructor.name
      if (!isEnded && !(error instanceof LeaseLost))
        report({ name: 'webhook-interrupted', webhook: id, because })
      end()
    }
  }
  const save = async (now: Progress, change: ProgressChange): Promise<void> => {
    applyChange(now, change)
    if (isEnded || !(await store.save(id, owner, change))) throw new LeaseLost()
  }

  const maySend = (now: Progress): boolean =>
    !isEnded && now.stopped === undefined && caller !== undefined && parts.isHeld()
  const backlogs = createBacklogs({ ...parts, isWanted: wants, maySend, save, webhook: () => webhook })
  const scan = async (now: Progress): Promise<void> => {
    for (let isComplete = false; !isComplete || isHeard; ) {
      isHeard = false
      scannedAt = clock.now()
      isComplete = await backlogs.scan(now)
    }
  }
  const start = (now: Progress, organization: number, leave: () => void): void => {
    const delivery = new AbortController()
    busy.set(organization, delivery)
    const work = async (): Promise<void> => {
      for (let count = 0; count < turnOf; count++) {
        const made = await backlogs.deliver(now, organization, delivery.signal)
        isFailing = made.isFailing ?? isFailing
        if (!made.mayGoOn) return
      }
    }
    void run(work).then(() => {
      busy.delete(organization)
      const backlog = now.backlogs.get(organization)
      // The others come first.
      if (backlog && now.backlogs.delete(organization)) now.backlogs.set(organization, backlog)
      leave()
    })
  }
  const isDue = ([organization, backlog]: [number, Backlog]): boolean =>
    !busy.has(organization) &&
    backlog.nextAt <= clock.wall() &&
    (organization === 0 || mayTouch(caller as Caller, organization))
  const startScan = (now: Progress): void => {
    if (!isHeard || isScanning) return
    isScanning = true
    void run(() => scan(now)).then(() => {
      isScanning = false
      pump()
    })
  }
  const pump = (): void => {
    const now = progress
    if (!now || !maySend(now)) return
    startScan(now)
    const free = (isFailing ? 1 : atOnce) - busy.size
    for (const [organization, backlog] of [...now.backlogs].filter(isDue).slice(0, Math.max(0, free))) {
      const leave = parts.enter(isFailing || backlog.attempts > 0)
      if (leave) start(now, organization, leave)
    }
  }
  const look = (): void => {
    isHeard = true
    pump()
  }
  const follow = async (now: Progress, next: Caller): Promise<void> => {
    const followed = followRights(now, logsOf(next, webhook), clock.wall())
    if (!followed) return
    for (const organization of followed.went) busy.get(organization)?.abort()
    await save(now, followed.change)
  }
  /** Notes since when the webhook has no key. Long after, nobody comes back for it. */
  const noteKey = async (now: Progress): Promise<void> => {
    if (!caller && now.keyless !== undefined && clock.wall() - now.keyless > keylessMs) await store.remove(id)
    if ((caller === undefined) === (now.keyless !== undefined)) return
    await save(now, { keyless: caller ? null : clock.wall() })
  }

  return {
    /** Is told each second what the webhook is now. One that was set back begins anew with the next courier. */
    check: (current: Webhook): void => {
      if (current.replays !== webhook.replays) {
        end()
        return
      }
      webhook = current
      const next = parts.callerOf(webhook)
      const isOther = next !== caller
      isHeard ||= isOther || clock.now() - scannedAt > scanMs
      caller = next
      lastCaller = next ?? lastCaller
      if (!caller) for (const delivery of busy.values()) delivery.abort()
      void run(async () => {
        const isNew = !progress
        loading ??= store.load(id)
        progress = await loading
        if (caller && (isNew || isOther)) await follow(progress, caller)
        await noteKey(progress)
        pump()
      })
    },
    /** This was appended to the log. What the webhook does not want is passed over later. */
    heard: (logged: readonly Logged[], epoch: string): void => {
      if (caller && logged.some((one) => wants(loggedEvent(one, epoch).kept))) look()
    },
    /** Looks through the log: something is missing in what was heard. */
    look,
    pump,
    end,
  }
}

export type Courier = ReturnType<typeof createCourier>
