import type { Cache } from '../cache/cache.ts'
import type { Clock } from '../clock.ts'
import { fold } from '../contract/names.ts'
import { operatorsKey } from '../lists/operator-lists.ts'
import type { Roster } from '../lists/roster.ts'
import type { Reporter } from '../report.ts'
import { changeRows, type Journal } from './journal.ts'
import { isFinal, type Operation, organizationOf, type Row } from './operation.ts'
import type { HeldLock } from './organization-lock.ts'
import { lateOperators } from './row-planner.ts'
import { type Watch, type Watches, withIds } from './watches.ts'

type LateOperators = ReadonlyMap<string, readonly number[]>

// Each look comes when three times as much time has passed as at the look before.
const growth = 3

/** When a list has to be compared next, on the clock of the watches; undefined: the watch is over. */
export const nextLookOf =
  ({ firstMs, windowMs }: { firstMs: number; windowMs: number }) =>
  ({ since, lookedAt }: Pick<Watch, 'since' | 'lookedAt'>): number | undefined => {
    const elapsed = lookedAt - since
    if (elapsed >= windowMs) return undefined
    return since + Math.min(windowMs, elapsed < firstMs ? firstMs : growth * elapsed)
  }

/**
 * Compares a list, asked for at `askedAt` (monotonic ms), with what is watched in its organization. Operators that no write
 * of the gateway accounts for are marked in the rows of the operation, and reported. Needs the lock, and no request may be
 * in doubt: a new operator could be of that one.
 */
export const createLateComparison = (options: {
  watches: Watches
  cache: Cache<Roster>
  journal: Journal
  clock: Clock
  report: Reporter
  nextLook: ReturnType<typeof nextLookOf>
}) => {
  const { watches, cache, journal, clock, report, nextLook } = options

  const mark = async (id: string, late: LateOperators, lock: HeldLock): Promise<void> => {
    if (late.size === 0) return
    const organization = organizationOf(id)
    report({ name: 'late-write', organization, operation: id, operators: late.size })
    await cache.commit(operatorsKey(organization))
    const operation = await journal.get(id)
    if (!operation) return
    const rows = markRows(operation, late)
    const marked = await changeRows(operation, lock, journal, rows.change)
    await journal.save({ ...marked, detail: detailOf(rows.doubled(), late.size) }, lock)
  }

  /** The watch after the comparison; undefined: it is over, and found nothing. */
  const next = (watch: Watch, at: number, late: LateOperators, found: LateOperators): Watch | undefined => {
    const compared: Watch = {
      ...watch,
      names: withIds(watch.names, found),
      lookedAt: Math.max(at, watch.lookedAt),
      late: [...watch.late, ...[...late.values()].flat()],
    }
    if (nextLook(compared) !== undefined) return compared
    // What was found stays for the diagnosis. The names are not needed any more.
    return compared.late.length > 0 ? { ...compared, names: [] } : undefined
  }

  return async (roster: Roster, askedAt: number, lock: HeldLock): Promise<void> => {
    const at = (await watches.now()) - clock.now() + askedAt
    const found = new Map<string, readonly number[]>()
    for (const watch of await watches.of(roster.organization.id)) {
      // An operator belongs to the oldest operation that watches its name.
      const late = lateOperators(roster, withIds(watch.names, found))
      await mark(watch.operation, late, lock)
      for (const [name, ids] of late) found.set(name, ids)
      const isDue = (nextLook(watch) ?? Infinity) <= at
      if (found.size === 0 && !isDue) continue
      const compared = next(watch, at, late, found)
      await (compared ? watches.put(compared) : watches.remove(watch))
    }
  }
}

/** The first row of each name takes the operators: one as its own if it has none, the others as duplicates. */
const markRows = (operation: Operation, late: LateOperators) => {
  const left = new Map(late)
  let doubled = 0
  return {
    doubled: () => doubled,
    change: (row: Row): Row => {
      const name = fold(row.name ?? '')
      const ids = left.get(name)
      const isOpen = row.id === undefined && (isFinal(operation) || row.outcome === 'unknown')
      if (!ids || !(isOpen || row.outcome === 'created')) return row
      left.delete(name)
      const [id, ...more] = isOpen ? ids : [row.id as number, ...ids]
      if (more.length === 0) return { ...row, id, outcome: 'created', reason: 'late' }
      doubled++
      const duplicates = [...(row.duplicates ?? []), ...more]
      return { ...row, id, outcome: 'created', reason: 'doubled', duplicates }
    },
  }
}

const detailOf = (doubled: number, late: number): string => {
  const exist = doubled === 1 ? '1 name exists twice' : `${doubled} names exist twice`
  const appeared = late === 1 ? '1 name was added after all' : `${late} names were added after all`
  return `ChatHub applied a request long after it was given up: ${doubled > 0 ? exist : appeared}.`
}
