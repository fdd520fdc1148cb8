import type { Simulator } from '../../src/apps/simulator/simulator.ts'
import { type Scope, scopes } from '../../src/contract/scopes.ts'
import type { OpenApi, Operation } from '../fuzz/document.ts'
import { page } from '../http/browser-session.ts'
import type { Connection } from './connection.ts'
import { createJudge, nameOf, type Row } from './judge.ts'
import { createRequests } from './requests.ts'
import { type Choice, type Needs, needsOf, pairsOf } from './subjects.ts'
import { type Holder, type Kind, kinds, type World } from './world.ts'

/** `full`: every kind of credential with every set of scopes. `short`: every set for keys, and what decides for the others. */
export type Extent = 'full' | 'short'

export type Result = {
  /** Rows by what they show. */
  counts: Record<string, number>
  /** What should be equal or refused and is not. */
  differences: string[]
  /** Operations that served nobody. */
  withoutSuccess: string[]
  /** Places where the caller's own is answered like another's, so that the rows show nothing. */
  blind: string[]
  /** Operations without a row. */
  missing: string[]
}

/** What refuses the caller's own for another reason. */
const refusedOtherwise = ({ title }: Operation, kind: Kind, needs: Needs): number[] => {
  if (title === 'POST /v1/sessions' && kind === 'session') return [403]
  // A webhook goes on with the rights of a key, and a session has none.
  if (title.includes('/v1/webhooks') && kind === 'session') return [403, 404]
  if (title.startsWith('POST /v1/webhooks') && kind === 'jwt') return [403]
  // What is done cannot be stopped or tried again, and is set back once. It needs the scope of the write.
  return /^POST .*\{operation\}:/.test(title) && needs.scopes.length === 0 ? [403, 409] : []
}
/**
 * Where the caller's own is answered like another's on purpose: excluding somebody who is not active changes nothing, and
 * nobody learns whether a person is signed in.
 */
const alike = ['POST /v1/organizations/{org}/assignments body exclude', 'DELETE /v1/sessions query subject']

/** Every set of scopes that decides something in this document. */
export const scopeSetsOf = (document: OpenApi): Scope[][] => {
  const { operations } = createRequests(document, {}, {})
  const needed = operations.map((operation) => needsOf(operation).scopes.map(([scope]) => scope as Scope))
  const sets = [[], ...scopes.map((scope) => [scope]), ...needed, [...scopes]]
  return [...new Map(sets.map((set) => [set.join(' '), set])).values()]
}

const isGranted = ({ scopes: groups }: Needs, { scopes: has }: Holder): boolean =>
  groups.every((group) => group.some((scope) => has.includes(scope as Scope)))

/** Asks every row of the table and judges the answers. */
export const runTable = async (options: {
  document: OpenApi
  world: World
  connection: Pick<Connection, 'ask'>
  simulator: Pick<Simulator, 'arrivals' | 'clearArrivals'>
  extent: Extent
}): Promise<Result> => {
  const { document, world, extent } = options
  const requests = createRequests(document, world.subjects, world.values)
  const judge = createJudge({ ...options, requests })
  const isFull = extent === 'full'
  const rowOf = (operation: Operation, headers: Record<string, string>, ...who: string[]): Row => {
    const slots = requests.slotsOf(operation)
    return { row: [operation.title, ...who].join(' · '), operation, headers, slots }
  }
  const rowFor = (operation: Operation, kind: Kind, holder: Holder): Row => {
    const headers = holder.headersOf(kind, operation.path.startsWith('/api/'))
    return rowOf(operation, headers, kind, holder.name)
  }
  const anonymousRow = (operation: Operation): Row => rowOf(operation, { Origin: page }, 'anonymous')
  /** Those that have exactly what is needed, or nothing, decide most. */
  const holdersFor = (kind: Kind, { scopes: groups }: Needs): Holder[] => {
    const exact = groups.map(([scope]) => scope).join(' ') || 'none'
    return isFull || kind === 'key'
      ? world.holders
      : world.holders.filter(({ name }) => [exact, 'none'].includes(name))
  }
  const callers = function* (needs: Needs): Generator<[Kind, Holder]> {
    for (const kind of kinds) for (const holder of holdersFor(kind, needs)) yield [kind, holder]
  }
  /** Who is served. Where no scope is needed, one more or less tells little. */
  const servedCallers = function* (needs: Needs): Generator<[Kind, Holder]> {
    const isTelling = ({ name }: Holder) =>
      isFull || needs.scopes.length > 0 || ['none', 'all'].includes(name)
    for (const [kind, holder] of callers(needs))
      if (isGranted(needs, holder) && isTelling(holder) && (kind === 'session' || !needs.isForSessions))
        yield [kind, holder]
  }

  const withoutRight = async (operation: Operation): Promise<void> => {
    const needs = needsOf(operation)
    if (needs.isOpen) return
    const own = [undefined]
    const all = [...own, ...pairsOf(operation, requests.slotsOf(operation)).flat()]
    for (const [name, headers] of Object.entries(world.nobodies)) {
      const codes = ['credential.missing', 'credential.invalid']
      await judge.refused(rowOf(operation, headers, name), 401, codes, isFull ? all : own)
    }
    for (const [kind, holder] of callers(needs)) {
      const row = rowFor(operation, kind, holder)
      const granted = isGranted(needs, holder)
      // EventSource cannot send a header: there the origin of the page decides alone.
      if (kind === 'session' && (isFull || granted) && !operation.path.endsWith('/events')) {
        const { 'X-Gateway-Session': _, ...headers } = row.headers
        const bare = { ...row, headers, row: `${row.row} · without the header` }
        await judge.refused(bare, 403, ['csrf.refused'], isFull ? all : own)
      }
      if (needs.isForSessions && kind !== 'session')
        await judge.refused(row, 401, ['credential.missing'], own, false)
      if (granted) continue
      const some = isFull || (kind === 'key' && holder.name === 'none') ? all : own
      await judge.refused(row, 403, ['scope.missing'], some)
      if (isFull) await judge.refused(row, 403, ['scope.missing'], some, false)
    }
  }

  /** What was seen of a foreign one, by place and caller. */
  const foreign = new Map<string, string>()
  const compare = async (row: Row, who: string, skips: (choice: Choice) => boolean): Promise<void> => {
    for (const pair of pairsOf(row.operation, row.slots)) {
      const [choice] = pair
      if (skips(choice)) continue
      const seen = await judge.compared({ ...row, row: `${row.row} · ${nameOf(choice)}` }, pair)
      const isPlain = choice.owner === 'foreign' && !choice.mixed && !choice.also
      if (isPlain) foreign.set(`${row.operation.title} ${choice.slot} ${who}`, seen)
    }
  }
  const foreignAndUnknown = async (operation: Operation): Promise<void> => {
    const needs = needsOf(operation)
    if (needs.isOpen) return compare(anonymousRow(operation), 'anonymous', () => false)
    for (const [kind, holder] of servedCallers(needs)) {
      world.become(kind)
      // `admin` sees the operations of all callers.
      const skips = ({ owner }: Choice) => owner === 'colleague' && holder.scopes.includes('admin')
      await compare(rowFor(operation, kind, holder), `${kind} ${holder.name}`, skips)
    }
  }

  const served = new Set<string>()
  const sighted = new Map<string, boolean>()
  const serve = async (row: Row, who: string, otherwise: number[]): Promise<void> => {
    const { title } = row.operation
    const inQuery = row.slots.filter(({ key }) => key.startsWith('query'))
    for (const choice of [undefined, ...inQuery.map(({ key }): Choice => ({ slot: key, owner: 'own' }))]) {
      world.turn()
      if (row.slots.some(({ subject }) => subject === 'ticket')) await world.newTicket()
      const { isServed, seen } = await judge.own(row, choice, otherwise)
      if (isServed) served.add(title)
      for (const slot of row.slots) {
        const place = `${title} ${slot.key}`
        const other = foreign.get(`${place} ${who}`)
        const isShown = choice ? choice.slot === slot.key : !inQuery.includes(slot)
        if (other !== undefined && isShown) sighted.set(place, sighted.get(place) || other !== seen)
      }
    }
  }
  const own = async (operation: Operation): Promise<void> => {
    const needs = needsOf(operation)
    if (needs.isOpen) return serve(anonymousRow(operation), 'anonymous', [])
    for (const [kind, holder] of servedCallers(needs)) {
      world.become(kind)
      const otherwise = refusedOtherwise(operation, kind, needs)
      await serve(rowFor(operation, kind, holder), `${kind} ${holder.name}`, otherwise)
    }
  }

  const { operations } = requests
  const heads = operations.flatMap((one) =>
    isFull && one.method === 'GET' ? [{ ...one, method: 'HEAD', title: `HEAD ${one.path}` }] : [],
  )
  for (const operation of [...operations, ...heads]) await withoutRight(operation)
  for (const operation of [...operations, ...heads]) await foreignAndUnknown(operation)
  // The caller's own comes last, because it changes what there is; the end of the session after all.
  const isEnd = ({ title }: Operation): boolean => title === 'DELETE /v1/session'
  for (const operation of operations.filter((one) => !isEnd(one))) await own(operation)
  for (const operation of operations.filter(isEnd)) await own(operation)
  const titles = operations.map(({ title }) => title)
  return {
    counts: judge.counts,
    differences: judge.differences,
    withoutSuccess: titles.filter((title) => !served.has(title)),
    blind: [...sighted].flatMap(([place, isSighted]) => (isSighted || alike.includes(place) ? [] : place)),
    missing: titles.filter((title) => !judge.asked.has(title)),
  }
}
