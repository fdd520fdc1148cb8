import type { Clock } from '../clock.ts'
import { type Event, type Place, placeText } from '../contract/event.ts'
import { isAfter, type Logged } from '../events/event-store.ts'
import { eventOf, type KeptEvent, loggedEvent, resyncEvent } from '../events/event-text.ts'
import type { EventLog } from '../events/events.ts'
import type { Reporter, WebhookOutcome } from '../report.ts'
import type { SendMessage } from './message.ts'
import { afterAttempt, deadLetterOf, newBacklog, placeBefore } from './progress.ts'
import type { Sent } from './sender.ts'
import type { Backlog, Progress, ProgressChange, Webhook } from './webhook.ts'

type Next = { event: Event; behind: Place }
/** `mayGoOn`: the next event of the organization may follow at once. `isFailing`: undefined when nothing was sent. */
type Made = { mayGoOn: boolean; isFailing?: boolean }

const scannedAtOnce = 50
const readAtOnce = 20

/** The backlogs of one webhook: finds them in the log, and delivers their events one after the other. */
export const createBacklogs = (parts: {
  log: Pick<EventLog, 'read' | 'place'>
  clock: Clock
  report: Reporter
  send: SendMessage
  webhook(): Webhook
  isWanted(kept: KeptEvent): boolean
  maySend(now: Progress): boolean
  /** Changes the progress in memory at once, so that nothing comes in between, and keeps it. */
  save(now: Progress, change: ProgressChange): Promise<void>
}) => {
  const { log, clock, report, isWanted, save } = parts

  /** Events are missing: one `resync` stands for all of them. */
  const beginAnew = (now: Progress, place: Place): Promise<void> => {
    const gone = [...now.backlogs.keys()].map((organization) => [organization, null] as const)
    return save(now, { place, backlogs: [...gone, [0, { ...newBacklog(place), resync: clock.wall() }]] })
  }
  const firstWanted = (logged: readonly Logged[], epoch: string): Next | undefined => {
    for (const one of logged) {
      const { kept, event } = loggedEvent(one, epoch)
      if (isWanted(kept)) return { event, behind: { epoch, ms: one.ms, seq: one.seq } }
    }
    return undefined
  }
  /** Who reads the lists because of it has everything until now. 0: of all organizations. Undefined: none is due. */
  const resyncOf = async ({ resync, after }: Backlog, organization: number): Promise<Next | undefined> => {
    if (resync === undefined) return undefined
    return { event: eventOf(resyncEvent(organization || null, resync), after), behind: await log.place() }
  }
  /** The next event of an organization, and the place behind it. Undefined: it has everything. */
  const nextOf = async (now: Progress, backlog: Backlog, organization: number): Promise<Next | undefined> => {
    while (backlog.resync === undefined && organization !== 0) {
      const page = await log.read(backlog.after, [organization], readAtOnce)
      if (page === 'gone') {
        Object.assign(backlog, newBacklog(await log.place()), { resync: clock.wall() })
        break
      }
      const found = firstWanted(page.logged, page.end.epoch)
      if (found) return found
      if (page.isComplete && !isAfter(now.place, page.end)) break
      backlog.after = page.end
    }
    return resyncOf(backlog, organization)
  }
  /** Keeps what came of an attempt. */
  const settle = async (now: Progress, organization: number, next: Next, sent: Sent): Promise<Made> => {
    const { event, behind } = next
    const backlog = now.backlogs.get(organization) as Backlog
    const at = clock.wall()
    const { id, client } = parts.webhook()
    const told = { webhook: id, client }
    const { status } = sent
    const outcome = sent.outcome as WebhookOutcome
    const attempt = { organization: event.organization, outcome, status, attempt: backlog.attempts + 1 }
    report({ name: 'webhook-delivery', ...told, ...attempt })
    if (outcome === 'gone') {
      report({ name: 'webhook-stopped', ...told })
      await save(now, { stopped: at })
      return { mayGoOn: false, isFailing: true }
    }
    const { backlog: after, isGivenUp } = afterAttempt(backlog, sent, behind, at)
    if (isGivenUp) report({ name: 'webhook-dead-letter', ...told, organization })
    const deadLetter = isGivenUp && { deadLetter: deadLetterOf(event, backlog, sent, at) }
    await save(now, { backlogs: [[organization, after]], ...deadLetter })
    const isDelivered = outcome === 'delivered'
    return { mayGoOn: isGivenUp || isDelivered, isFailing: !isDelivered }
  }

  return {
    /** Looks through a page of the log of all organizations. Each one with something new gets a backlog. True: no page follows. */
    scan: async (now: Progress): Promise<boolean> => {
      const page = await log.read(now.place, 'all', scannedAtOnce)
      if (page === 'gone') {
        await beginAnew(now, await log.place())
        return true
      }
      const { epoch } = page.end
      const backlogs = new Map<number, Backlog>()
      for (const logged of page.logged) {
        const { organization } = logged
        const isBehind = now.backlogs.has(organization) || backlogs.has(organization)
        if (!isBehind && isWanted(loggedEvent(logged, epoch).kept))
          backlogs.set(organization, newBacklog(placeBefore({ ...logged, epoch })))
      }
      if (placeText(now.place) !== placeText(page.end))
        await save(now, { place: page.end, backlogs: [...backlogs] })
      return page.isComplete
    },
    /** Delivers the next event of an organization once. */
    deliver: async (now: Progress, organization: number, signal: AbortSignal): Promise<Made> => {
      const backlog = now.backlogs.get(organization)
      if (!backlog) return { mayGoOn: false }
      const next = await nextOf(now, backlog, organization)
      const isCurrent = (): boolean => now.backlogs.get(organization) === backlog && !signal.aborted
      if (!isCurrent() || !parts.maySend(now)) return { mayGoOn: false }
      if (!next) {
        await save(now, { backlogs: [[organization, null]] })
        return { mayGoOn: false }
      }
      const sent = await parts.send(parts.webhook(), next.event, signal)
      if (sent.outcome === 'aborted' || !isCurrent()) return { mayGoOn: false }
      return settle(now, organization, next, sent)
    },
  }
}
