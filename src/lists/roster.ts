import { LRUCache } from 'lru-cache'
import { fold, foldForSearch } from '../contract/names.ts'
import type { Operator, OperatorQuery, SortKey, Status } from '../contract/operator.ts'
import type { Organization, Statistics } from '../contract/organization.ts'

/**
 * The operators of one organization at one instant: immutable, in ChatHub's order. Indexes, counts and views are made
 * once, on first use.
 */
export type Roster = {
  organization: Organization
  operators: readonly Operator[]
  /** The whole list as JSON of `OperatorList`; the store keeps the same bytes. */
  bytes: Buffer
  byId(id: number): Operator | undefined
  /** Operators of this name, compared folded, in order. */
  byName(name: string): readonly Operator[]
  statistics(): Statistics
  /** Ids of the active operators, in order. */
  active(): readonly number[]
  /** A body made once per `key`. At most 64 are kept, and no more bytes than four times the list, or 64 KiB. */
  view(key: string, make: () => unknown): Buffer
  /** Operators whose name contains this, both folded for searching, in order. */
  containing(sought: string): readonly Operator[]
  /** All operators in another order, made once per order. At most 4 orders are kept. */
  sorted(keys: SortKey[]): readonly Operator[]
  /** The list with these at its end. It uses the indexes of this one again. */
  with(added: readonly Operator[]): Roster
}

const viewsMax = 64
const viewBytesMin = 64 * 1024
const ordersMax = 4
// So few found operators are sorted by themselves.
const sortedAloneMax = 256

const headOf = (organization: Organization): string =>
  `{"organization":${JSON.stringify(organization)},"items":[`
const itemsOf = (operators: readonly Operator[]): string => JSON.stringify(operators).slice(1, -1)
const tailOf = (total: number): string => `],"total":${total},"nextCursor":null}`

export const createRoster = (
  organization: Organization,
  operators: readonly Operator[],
  bytes: Buffer = Buffer.from(headOf(organization) + itemsOf(operators) + tailOf(operators.length)),
  indexes = createIndexes(),
): Roster => {
  const search = lazy(() => createSearch(operators.map((operator) => foldForSearch(operator.name))))
  // Only one longer list can share the indexes.
  let isContinued = false
  const viewBytesMax = Math.max(viewBytesMin, 4 * bytes.length)
  // A view of more bytes than the limit is kept too, alone.
  const sizeCalculation = (view: Buffer): number => Math.min(view.length || 1, viewBytesMax)
  const views = lazy(
    () => new LRUCache<string, Buffer>({ max: viewsMax, maxSize: viewBytesMax, sizeCalculation }),
  )
  const orders = lazy(() => new LRUCache<string, readonly Operator[]>({ max: ordersMax }))
  const roster: Roster = {
    organization,
    operators,
    bytes,
    byId: (id) => indexes.byId(operators, id)[0],
    byName: (name) => indexes.byName(operators, fold(name)),
    statistics: lazy(() => countStatuses(operators)),
    active: lazy(() => operators.filter(({ status }) => status === 'active').map(({ id }) => id)),
    containing: (sought) => search()(sought).map((index) => operators[index] as Operator),
    sorted: (keys) => {
      const key = JSON.stringify(keys)
      const order = orders().get(key) ?? operators.toSorted(comparing(keys))
      orders().set(key, order)
      return order
    },
    view: (key, make) => {
      const view = views().get(key) ?? Buffer.from(JSON.stringify(make()))
      views().set(key, view)
      return view
    },
    with: (added) => {
      if (added.length === 0) return roster
      const all = [...operators, ...added]
      const tail = Buffer.from(tailOf(operators.length))
      const end = bytes.length - tail.length
      // The store may hold bytes of another version.
      if (!bytes.subarray(end).equals(tail)) return createRoster(organization, all)
      const more = `${operators.length > 0 ? ',' : ''}${itemsOf(added)}${tailOf(all.length)}`
      const longer = Buffer.concat([bytes.subarray(0, end), Buffer.from(more)])
      const shared = isContinued ? createIndexes() : indexes
      isContinued = true
      return createRoster(organization, all, longer, shared)
    },
  }
  return roster
}

/** The roster whose `bytes` these are. @throws Error when they are not those of a roster */
export const decodeRoster = (bytes: Buffer): Roster => {
  const data = JSON.parse(bytes.toString()) as { organization?: Organization; items?: Operator[] }
  if (typeof data.organization?.id !== 'number' || !Array.isArray(data.items)) throw new Error('not a roster')
  return createRoster(data.organization, data.items, bytes)
}

/** « Surveiller l'état de l'opérateur »: counts by status. */
export const countStatuses = (operators: readonly Operator[]): Statistics => {
  const counts: Statistics = { total: operators.length, active: 0, inactive: 0, deleted: 0, unknown: 0 }
  for (const { status } of operators) counts[status]++
  return counts
}

/** The operators that match a query, sorted, before paging. */
export const select = (
  roster: Roster,
  query: Pick<OperatorQuery, 'status' | 'name' | 'q' | 'sort'>,
): readonly Operator[] => {
  let found = query.name === undefined ? roster.operators : roster.byName(query.name)
  if (query.status) {
    const wanted = new Set<Status>(query.status)
    found = found.filter((operator) => wanted.has(operator.status))
  }
  if (query.q !== undefined) {
    const sought = foldForSearch(query.q)
    found =
      found === roster.operators
        ? roster.containing(sought)
        : found.filter((operator) => foldForSearch(operator.name).includes(sought))
  }
  if (!query.sort) return found
  if (found.length <= sortedAloneMax) return found.toSorted(comparing(query.sort))
  const all = roster.sorted(query.sort)
  if (found.length === all.length) return all
  const among = new Set(found)
  return all.filter((operator) => among.has(operator))
}

const collator = new Intl.Collator('und', { sensitivity: 'variant', numeric: false })

/** Compares by each key in order and finally by id, so that the order is total. */
export const comparing =
  (keys: SortKey[]) =>
  (a: Operator, b: Operator): number => {
    for (const { by, down } of keys) {
      const order = by === 'id' ? a.id - b.id : collator.compare(String(a[by]), String(b[by]))
      if (order !== 0) return down ? -order : order
    }
    return a.id - b.id
  }

/**
 * Finds the texts that contain a word. They are joined by line breaks, which no folded name contains. One pass over one
 * string is several times faster than a search in each text.
 */
const createSearch = (texts: readonly string[]): ((sought: string) => number[]) => {
  const all = texts.map((text) => `${text}\n`).join('')
  const starts = new Uint32Array(texts.length + 1)
  for (const [index, text] of texts.entries()) starts[index + 1] = (starts[index] as number) + text.length + 1
  return (sought) => {
    const found: number[] = []
    let index = 0
    for (let at = all.indexOf(sought); at !== -1 && at < all.length; ) {
      while ((starts[index + 1] as number) <= at) index++
      found.push(index)
      at = all.indexOf(sought, starts[index + 1])
    }
    return found
  }
}

/**
 * Finds operators by a key, in order. Positions are added when a list is searched for the first time. Lists that share an
 * index begin with the same operators, so a shorter one ignores the positions beyond its end.
 */
const createIndex = <K>(keyOf: (operator: Operator) => K) => {
  const positions = new Map<K, number[]>()
  let end = 0
  return (operators: readonly Operator[], key: K): readonly Operator[] => {
    for (; end < operators.length; end++) {
      const own = keyOf(operators[end] as Operator)
      const same = positions.get(own)
      if (same) same.push(end)
      else positions.set(own, [end])
    }
    const found = positions.get(key) ?? []
    return found.filter((at) => at < operators.length).map((at) => operators[at] as Operator)
  }
}

const createIndexes = () => ({
  byId: createIndex(({ id }) => id),
  byName: createIndex(({ name }) => fold(name)),
})

const lazy = <T>(make: () => T): (() => T) => {
  let made: { value: T } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}
