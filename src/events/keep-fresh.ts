import type { Caller } from '../access/caller.ts'
import { type Clock, every } from '../clock.ts'
import type { OperatorLists } from '../lists/operator-lists.ts'
import type { Organizations } from '../lists/organizations.ts'
import { logsOf, type Wanted } from './follow-events.ts'

export type Interest = { caller: Caller; wanted: Wanted }

const checkMs = 1000
const atOnce = 8
const deadlineMs = 60_000

/**
 * Loads the lists that somebody listens to once they are older than they are served unasked, behind all other calls. So a
 * change is noticed though nobody reads the list.
 */
export const createKeepFresh = (options: {
  lists: OperatorLists
  organizations: Organizations
  systemCaller: Caller
  clock: Clock
  freshMs: number
  interests(): Iterable<Interest>
}) => {
  const { lists, organizations, systemCaller, clock, freshMs } = options
  const again = new Set<number>()
  let isRunning = false

  const context = () => ({ lane: 'refreshes', client: 'events', deadline: clock.now() + deadlineMs }) as const
  const isOld = (id: number): boolean => {
    const copy = lists.remembered(systemCaller, id)
    return !copy || clock.now() - copy.askedAt >= freshMs
  }
  /** The organizations that somebody listens to. Reading the list of all keeps that fresh too. */
  const listenedTo = async (): Promise<number[]> => {
    const interests = [...options.interests()]
    if (interests.length === 0) return []
    const { found } = await organizations.list(systemCaller, {}, context())
    const wanted = new Set<number>()
    for (const { caller, wanted: one } of interests) {
      const logs = logsOf(caller, one)
      if (logs === 'all') return found.map(({ id }) => id)
      for (const organization of logs) wanted.add(organization)
    }
    return found.flatMap(({ id }) => (wanted.has(id) ? [id] : []))
  }
  const load = async (id: number): Promise<void> => {
    const notBefore = again.delete(id) ? clock.now() : undefined
    // What fails now is tried again a second later.
    await lists.read(systemCaller, id, context(), { notBefore }).catch(() => {})
  }
  const run = async (): Promise<void> => {
    if (again.delete(0)) await organizations.list(systemCaller, {}, context(), { notBefore: clock.now() })
    const due = new Set([...again, ...(await listenedTo()).filter(isOld)].filter((one) => one !== 0))
    const rest = due.values()
    const worker = async (): Promise<void> => {
      for (const organization of rest) await load(organization)
    }
    await Promise.all(Array.from({ length: atOnce }, worker))
  }
  const runOnce = (): void => {
    if (isRunning) return
    isRunning = true
    const end = (): void => {
      isRunning = false
    }
    run().then(end, end)
  }
  return {
    /** Loads a list soon, whatever its age. 0: the list of organizations. */
    loadAgain: (list: number): void => void again.add(list),
    stop: every(clock, checkMs, runOnce),
  }
}
