import type { Clock } from '../clock.ts'
import { type Event, type Place, placeText } from '../contract/event.ts'
import { isAfter, type Logged } from '../events/event-store.ts'
import { eventOf, type KeptEvent, loggedEvent, resyncEvent } from '../events/event-text.ts'
import type { EventLog } from '../events/events.ts'
import { type Backlog, newBacklog, type Progress, type ProgressChange, placeBefore } from './webhook.ts'

export type Next = { event: Event; behind: Place }

const scannedAtOnce = 50
const readAtOnce = 20

/** Reads the log for one webhook. It changes the progress in memory at once, so that nothing comes in between. */
export const createBacklogReader = (options: {
  log: Pick<EventLog, 'read' | 'place'>
  clock: Clock
  isWanted(kept: KeptEvent): boolean
}) => {
  const { log, clock, isWanted } = options

  /** Events are missing: one `resync` stands for all of them. */
  const beginAnew = (now: Progress, place: Place): ProgressChange => {
    const gone = [...now.backlogs.keys()].map((organization) => [organization, null] as const)
    const backlog: Backlog = { ...newBacklog(place), resync: clock.wall() }
    now.place = place
    now.backlogs.clear()
    now.backlogs.set(0, backlog)
    return { place, backlogs: [...gone, [0, backlog]] }
  }
  const firstWanted = (logged: readonly Logged[], epoch: string): Next | undefined => {
    for (const one of logged) {
      const { kept, event } = loggedEvent(one, epoch)
      if (isWanted(kept)) return { event, behind: { epoch, ms: one.ms, seq: one.seq } }
    }
    return undefined
  }
  /** Who reads the lists because of it has everything until now. 0: of all organizations. */
  const resyncOf = async ({ resync = 0, after }: Backlog, organization: number): Promise<Next> => ({
    event: eventOf(resyncEvent(organization || null, resync), after),
    behind: await log.place(),
  })
  return {
    /** Looks through a page of the log of all organizations. Each one with something new gets a backlog. */
    scan: async (now: Progress): Promise<{ change: ProgressChange | undefined; isComplete: boolean }> => {
      const page = await log.read(now.place, 'all', scannedAtOnce)
      if (page === 'gone') return { change: beginAnew(now, await log.place()), isComplete: true }
      const { epoch } = page.end
      const backlogs: [number, Backlog][] = []
      for (const logged of page.logged) {
        const { organization } = logged
        if (now.backlogs.has(organization) || !isWanted(loggedEvent(logged, epoch).kept)) continue
        const backlog = newBacklog(placeBefore({ ...logged, epoch }))
        now.backlogs.set(organization, backlog)
        backlogs.push([organization, backlog])
      }
      const hasMoved = placeText(now.place) !== placeText(page.end)
      now.place = page.end
      return { change: hasMoved ? { place: now.place, backlogs } : undefined, isComplete: page.isComplete }
    },
    /** The next event of an organization, and the place behind it. Undefined: it has everything. */
    nextOf: async (now: Progress, backlog: Backlog, organization: number): Promise<Next | undefined> => {
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
      return backlog.resync === undefined ? undefined : resyncOf(backlog, organization)
    },
  }
}

export type BacklogReader = ReturnType<typeof createBacklogReader>
