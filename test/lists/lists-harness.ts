import type { Caller } from '../../src/access/caller.ts'
import { singleInstance } from '../../src/cache/coherence.ts'
import { createMemoryStore } from '../../src/cache/memory-store.ts'
import type { ChatHub } from '../../src/chathub/client.ts'
import type { CallContext } from '../../src/chathub/exchange.ts'
import { pause } from '../../src/clock.ts'
import { scopes } from '../../src/contract/scopes.ts'
import { Failure } from '../../src/errors.ts'
import { createLists } from '../../src/lists/lists.ts'
import type { Report } from '../../src/report.ts'
import { createClock } from '../support/clock.ts'
import { people } from './people.ts'

export const callerOf = (organizations: number[] | '*', id = 'crm'): Caller => ({
  id,
  kind: 'key',
  scopes: new Set(scopes),
  organizations: organizations === '*' ? '*' : new Set(organizations),
  requestsPerMinute: 1,
  expiresAt: undefined,
})
export const everything = callerOf('*', 'gateway')

/** Operators of each organization, as `people` writes them: `Olena:deleted`. */
type Content = Record<number, string[]>

/**
 * The lists of a gateway on a hand-driven clock, over a ChatHub that counts its calls. A call lasts 10 ms, and longer
 * while its organization is `hanging`. It fails at its deadline.
 */
export const createListsOf = (content: Content) => {
  const clock = createClock()
  const reports: Report[] = []
  const report = (event: Report): void => void reports.push(event)
  const hanging = new Set<number>()
  const failing = new Map<number | 'organizations', Failure>()
  const calls: { organization: number; lane: CallContext['lane'] }[] = []
  const inFlight = { people: 0, refreshes: 0 } as Record<CallContext['lane'], number>
  const mostInFlight = { ...inFlight }

  const operators: ChatHub['operators'] = async (organization, { lane, deadline }) => {
    const askedAt = clock.now()
    if (askedAt >= deadline) throw new Failure('queue.full', { retryAfterMs: 1000 })
    calls.push({ organization, lane })
    mostInFlight[lane] = Math.max(mostInFlight[lane], ++inFlight[lane])
    do await pause(clock, 10)
    while (hanging.has(organization) && clock.now() < deadline)
    inFlight[lane]--
    const failure = clock.now() < deadline ? failing.get(organization) : new Failure('chathub.timeout')
    if (failure) throw failure
    const rows = people(...(content[organization] ?? []))
    for (const row of rows) row.id += organization * 1000
    return { rows, askedAt, organizationName: undefined, digest: undefined }
  }
  const organizationsOf: ChatHub['organizations'] = async () => {
    const failure = failing.get('organizations')
    if (failure) throw failure
    const rows = Object.keys(content).map((id) => ({ id: Number(id), name: `Organization ${id}` }))
    return { rows, askedAt: clock.now() }
  }
  const chathub = { operators, organizations: organizationsOf } as ChatHub

  const reading = createLists({
    chathub,
    redis: undefined,
    store: createMemoryStore({ clock }),
    coherence: singleInstance,
    systemCaller: everything,
    onChange: async () => {},
    freshMs: 60_000,
    organizationsFreshMs: 60_000,
    revalidateMs: 60_000,
    waitMs: 800,
    staleMs: 3_600_000,
    checkChatHub: async () => 'ok',
    requestsPerSecond: 5,
    refreshPercent: 0,
    observers: () => ({
      listened: () => new Set(),
      rosterLoaded: async () => {},
      organizationsLoaded: async () => {},
    }),
    late: { lateOperators: () => [] },
    clock,
    report,
  })
  return {
    clock,
    reports,
    content,
    hanging,
    failing,
    calls,
    ...reading,
    mostInFlight,
    /** A context with `ms` left. */
    within: (ms = 5000): CallContext => ({ lane: 'people', client: 'crm', deadline: clock.now() + ms }),
    /** Lets time pass until the call has settled; the time that it took. */
    settled: async <T>(call: Promise<T>): Promise<{ value: T; ms: number }> => {
      const since = clock.now()
      let isSettled = false
      const watched = call.finally(() => {
        isSettled = true
      })
      watched.catch(() => {})
      for (let step = 0; step < 2000 && !isSettled; step++) await clock.advance(10)
      return { value: await watched, ms: clock.now() - since }
    },
  }
}
