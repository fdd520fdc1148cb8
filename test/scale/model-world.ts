import { createRoster, type Roster } from '../../src/lists/roster.ts'
import type { List } from './actor.ts'
import { createLedger } from './ledger.ts'
import { createCacheSteps, ms } from './model-cache.ts'
import { createEventSteps } from './model-events.ts'
import { createJournalSteps } from './model-journal.ts'

export const client = 'scale'
export const now = Number(ms)

/** A list as everybody knows it. `rows`: the known list of the events; without them there is no base line. */
export type Shared = {
  roster: Roster
  stored: boolean
  rows: Map<number, string> | undefined
  wasWritten: boolean
  choices: number
}
/**
 * The same as one instance knows it. `current`: its copy is fresh. `answered`: it has ChatHub's last answer, so an equal one is
 * recognized. `learned`: operators that it has told the index of. `isRead`: it was read here, so its rate is told to the others.
 */
type Own = {
  current: boolean
  answered: boolean
  learned: number
  isListed: boolean
  isRead: boolean
  choices: number
}

export type World = ReturnType<typeof createWorld>

/** What decides which steps an operation takes: who has a list, what Redis has, what the log of events knows. */
export const createWorld = (instances: number, lists: readonly List[], requestsPerSecond: number) => {
  const ledger = createLedger()
  const shared = new Map<number, Shared>(
    lists.map(({ id, name, operators }) => [
      id,
      {
        roster: createRoster({ id, name }, operators),
        stored: false,
        rows: undefined,
        wasWritten: false,
        choices: 0,
      },
    ]),
  )
  const own = Array.from({ length: instances }, () => new Map<number, Own>())
  const world = {
    instances,
    ledger,
    cache: createCacheSteps(ledger, instances, requestsPerSecond),
    journal: createJournalSteps(ledger, client),
    events: createEventSteps(ledger),
    nextId: 1 + Math.max(...lists.flatMap(({ operators }) => operators.map(({ id }) => id))),
    readers: 0,
    webhooks: 0,
    /** Instances that listen to the log: those with readers, and the one that delivers to the webhook. */
    listening: (): number => world.readers + world.webhooks,
    /** Lists that were read at the instance, for its readers or for a write. */
    readAt: (instance: number): number[] =>
      [...(own[instance] as Map<number, Own>)].flatMap(([list, { isRead }]) => (isRead ? [list] : [])),
    sharedOf: (list: number): Shared => shared.get(list) as Shared,
    ownOf: (instance: number, list: number): Own => {
      const all = own[instance] as Map<number, Own>
      const known = all.get(list) ?? {
        current: false,
        answered: false,
        learned: 0,
        isListed: false,
        isRead: false,
        choices: 0,
      }
      all.set(list, known)
      return known
    },
  }
  return world
}
