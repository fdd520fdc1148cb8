import { type Place, parseEventPlace } from '../contract/event.ts'
import { isAfter } from '../events/event-store.ts'
import { type Lane, newLane, type Progress, type ProgressChange, placeBefore } from './webhook.ts'

const placeOf = (event: string): Place => parseEventPlace(event) as Place

/**
 * Sets a webhook back, and tries at once what waits. Without `after` each organization goes on from its oldest dead letter, so
 * its events stay in order: one event alone could overwrite what came later.
 */
export const replayed = ({ lanes, dead }: Progress, after: Place | undefined): ProgressChange => {
  const next = new Map<number, Lane | null>()
  for (const [organization, lane] of lanes) {
    const isBehind = !after || lane.resync !== undefined || !isAfter(lane.after, after)
    next.set(organization, isBehind ? { ...newLane(lane.after), resync: lane.resync } : null)
  }
  if (after) {
    const left = dead.filter(({ event }) => !isAfter(placeOf(event), after))
    return { place: after, lanes: [...next], stopped: null, dead: left }
  }
  for (const { event, organization } of dead) {
    const place = placeBefore(placeOf(event))
    const lane = next.get(organization)
    if (!lane || isAfter(lane.after, place)) next.set(organization, newLane(place))
  }
  return { lanes: [...next], stopped: null, dead: [] }
}
