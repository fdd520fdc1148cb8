import { useMemo } from 'react'
import type { AllStatistics, Answer, Event, OrganizationStatistics } from '../../../client/client.ts'
import { gateway } from '../data/gateway.ts'
import { type Source, useRead } from '../data/use-read.ts'
import { useCan } from '../session/rights.ts'
import { byName } from '../words/by-name.ts'

export type Coverage = NonNullable<Event['coverage']>
/** `low`: fewer are active than the floor wants. */
export type Place = OrganizationStatistics & {
  state: 'nobody' | 'low' | 'fine' | 'empty'
  low: Coverage | undefined
}

/** All that is kept, because the newest events come last. */
const coverageEvents = async (signal: AbortSignal): Promise<Answer<Event[]>> => {
  const list = gateway.events.list({ types: ['coverage.low', 'coverage.restored'], limit: 1000 }, { signal })
  const items: Event[] = []
  for await (const event of list) items.push(event)
  return { ...(await list.withResponse()), data: items }
}

export const statisticsRead: Source<AllStatistics> = [
  ['statistics'],
  (signal) => gateway.organizations.allStatistics({ signal }),
]
export const coverageRead: Source<Event[]> = [
  ['coverage'],
  (signal) => ({ withResponse: () => coverageEvents(signal) }),
]

/** The coverage of each organization that is too low now, from the log of events. */
const lowOnes = (events: readonly Event[]): Map<number, Coverage> => {
  const low = new Map<number, Coverage>()
  for (const { type, organization, coverage } of events) {
    if (organization === null || !coverage) continue
    if (type === 'coverage.low') low.set(organization, coverage)
    else low.delete(organization)
  }
  return low
}

const placeOf = (counts: OrganizationStatistics, low: Coverage | undefined): Place => {
  const state =
    counts.total - counts.deleted === 0 ? 'empty' : counts.active === 0 ? 'nobody' : low ? 'low' : 'fine'
  return { ...counts, low, state }
}

const gravity = ['nobody', 'low', 'fine', 'empty']

const placesOf = (all: readonly OrganizationStatistics[], events: readonly Event[]): Place[] => {
  const low = lowOnes(events)
  const compare = byName(all.map(({ name }) => name))
  return all
    .map((each) => placeOf(each, low.get(each.id)))
    .toSorted((a, b) => gravity.indexOf(a.state) - gravity.indexOf(b.state) || compare(a.name, b.name))
}

/** The organizations of the session, those that need somebody first. */
export const useBoard = () => {
  const canFollow = useCan()('events:read')
  const statistics = useRead(...statisticsRead)
  const coverage = useRead(...coverageRead, { enabled: canFollow })
  const all = statistics.data?.data.organizations
  const events = coverage.data?.data
  const places = useMemo(() => placesOf(all ?? [], events ?? []), [all, events])
  return { statistics, places }
}
