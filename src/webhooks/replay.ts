import { type Place, parseEventPlace } from '../contract/event.ts'
import { isAfter } from '../events/event-store.ts'
import { type Backlog, newBacklog, type Progress, type ProgressChange, placeBefore } from './webhook.ts'

const placeOf = (event: string): Place => parseEventPlace(event) as Place

/**
 * Sets a webhook back, and tries at once what waits. Without `after` each organization goes on from its oldest dead
 * letter, so its events stay in order. One event alone could overwrite what came later.
 */
export const replayed = ({ backlogs, dead }: Progress, after: Place | undefined): ProgressChange => {
  const next = new Map<number, Backlog | null>()
  for (const [organization, backlog] of backlogs) {
    const isBehind = !after || backlog.resync !== undefined || !isAfter(backlog.after, after)
    next.set(organization, isBehind ? { ...newBacklog(backlog.after), resync: backlog.resync } : null)
  }
  if (after) {
    const left = dead.filter(({ event }) => !isAfter(placeOf(event), after))
    return { place: after, backlogs: [...next], stopped: null, dead: left }
  }
  for (const { event, organization } of dead) {
    const place = placeBefore(placeOf(event))
    const backlog = next.get(organization)
    if (!backlog || isAfter(backlog.after, place)) next.set(organization, newBacklog(place))
  }
  return { backlogs: [...next], stopped: null, dead: [] }
}
