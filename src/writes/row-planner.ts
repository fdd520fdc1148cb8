import { cleanName, fold } from '../contract/names.ts'
import type { KnownStatus, Operator } from '../contract/operator.ts'
import type { Roster } from '../lists/roster.ts'
import type { Baseline, Operation, Row } from './operation.ts'

export type Modes = Pick<Operation, 'onDuplicate' | 'onDeleted'>

/**
 * What is known of each pending row: against the list (its first namesake that is not deleted, else a deleted one), and
 * against the rows before it. A row stays `pending` while something has to be done first: its name added, the deleted
 * operator whose `id` it now carries revived, or an earlier namesake among the rows settled. « Opérateurs en double »
 */
export const planRows = (roster: Roster, rows: readonly Row[], modes: Modes): Row[] => {
  const seen = new Map<string, Row>()
  return rows.map((row) => {
    if (row.name === undefined || modes.onDuplicate === 'allow') return row
    const key = fold(row.name)
    const twin = seen.get(key)
    const decided = row.outcome !== 'pending' ? row : twin ? follow(row, twin) : against(roster, row, modes)
    // What is no name has no namesakes.
    if (!twin && !row.reason?.startsWith('name.')) seen.set(key, decided)
    return decided
  })
}

const against = (roster: Roster, { id, ...row }: Row, modes: Modes): Row => {
  const namesakes = roster.byName(row.name as string)
  const living = namesakes.find(({ status }) => status !== 'deleted')
  // A row that carries its id was being revived.
  if (living) return { ...row, outcome: living.id === id ? 'reactivated' : 'exists', id: living.id }
  const deleted = namesakes[0]
  if (!deleted) return row
  return { ...row, outcome: modes.onDeleted === 'reactivate' ? 'pending' : 'existsDeleted', id: deleted.id }
}

/** A name that stands earlier among the rows: it exists, once that one does; what becomes of it else befalls this too. */
const follow = (row: Row, twin: Row): Row => {
  if (twin.outcome === 'pending') return row
  const outcome =
    twin.outcome === 'created' || twin.outcome === 'reactivated' ? ('exists' as const) : twin.outcome
  return {
    ...row,
    outcome,
    ...(twin.id !== undefined && { id: twin.id }),
    ...(twin.reason !== undefined && { reason: twin.reason }),
  }
}

/** The same for changes of status: nobody unknown is asked for, and nothing that is so already. */
export const planStatusRows = (roster: Roster, rows: readonly Row[], status: KnownStatus): Row[] =>
  rows.map((row) => {
    if (row.outcome !== 'pending') return row
    const operator = roster.byId(row.id as number)
    if (!operator) return { ...row, outcome: 'rejected', reason: 'operator.unknown' }
    return operator.status === status ? { ...row, outcome: 'unchanged' } : row
  })

/** The rows of an operation, planned for its kind. */
export const planOperation = (
  roster: Roster,
  rows: readonly Row[],
  operation: Modes & Pick<Operation, 'status'>,
): Row[] =>
  operation.status === undefined
    ? planRows(roster, rows, operation)
    : planStatusRows(roster, rows, operation.status)

/** Pending rows whose names are to be added now; unless duplicates are allowed the first of each name. */
export const toAdd = (rows: readonly Row[], { onDuplicate }: Modes): Row[] =>
  firsts(rows, (row) => (onDuplicate === 'allow' ? row.index : fold(row.name ?? ''))).filter(
    ({ id }) => id === undefined,
  )

/** Pending rows whose operator's status is to be changed now, the first of each. */
export const toChange = (rows: readonly Row[]): Row[] =>
  firsts(
    rows.filter(({ id }) => id !== undefined),
    ({ id }) => id,
  )

const firsts = (rows: readonly Row[], keyOf: (row: Row) => unknown): Row[] => {
  const seen = new Set<unknown>()
  return rows.filter((row) => {
    if (row.outcome !== 'pending' || seen.has(keyOf(row))) return false
    seen.add(keyOf(row))
    return true
  })
}

/** What would become of decided rows, were they written now. */
export const previewRows = (rows: readonly Row[], modes: Modes): Row[] => {
  const adding = new Set(toAdd(rows, modes))
  const reviving = new Set(toChange(rows))
  return rows.map((row) => {
    if (row.outcome !== 'pending') return row
    return { ...row, outcome: adding.has(row) ? 'created' : reviving.has(row) ? 'reactivated' : 'exists' }
  })
}

/** Ids that carry these names now, by folded name: what is new beside them later was made by us. */
export const baselineOf = (roster: Roster, rows: readonly Row[]): Baseline => {
  const baseline: Record<string, number[]> = Object.create(null)
  for (const { name = '' } of rows) baseline[fold(name)] = roster.byName(name).map(({ id }) => id)
  return baseline
}

/** A name may be `constructor` or `__proto__`: nothing counts but what the baseline itself holds. */
const stoodBefore = (baseline: Baseline, key: string, id: number): boolean =>
  Object.hasOwn(baseline, key) && (baseline[key] as readonly number[]).includes(id)

/**
 * Gives sent rows the operators that are new beside the baseline, by name, spelled the same before alike, each to one
 * row: neither order nor length of what ChatHub answers can be trusted. Rows without one stay as they are.
 */
export const matchRows = (sent: readonly Row[], found: readonly Operator[], baseline: Baseline): Row[] => {
  const taken = new Set<number>()
  const giving = (spell: (name: string) => string): ((row: Row) => Row) => {
    const fresh = new Map<string, number[]>()
    for (const { id, name } of found) {
      if (taken.has(id) || stoodBefore(baseline, fold(name), id)) continue
      const ids = fresh.get(spell(name))
      if (ids) ids.push(id)
      else fresh.set(spell(name), [id])
    }
    return (row) => {
      const id = row.id ?? fresh.get(spell(row.name ?? ''))?.shift()
      if (id === undefined || id === row.id) return row
      taken.add(id)
      return { ...row, outcome: 'created', id }
    }
  }
  const spelledSo = sent.map(giving(cleanName))
  return spelledSo.map(giving(fold))
}

/** Names that somebody carries who is in neither the baseline nor a row: ChatHub applied a sending after it was given up. */
export const lateDuplicates = (roster: Roster, baseline: Baseline, rows: readonly Row[]): Set<string> => {
  const ours = new Set(rows.map(({ id }) => id))
  const isStranger = (key: string, { id, status }: Operator): boolean =>
    status !== 'deleted' && !ours.has(id) && !stoodBefore(baseline, key, id)
  return new Set(
    Object.keys(baseline).filter((key) => roster.byName(key).some((operator) => isStranger(key, operator))),
  )
}

export const replaceRows = (rows: readonly Row[], changed: readonly Row[]): Row[] => {
  const byIndex = new Map(changed.map((row) => [row.index, row]))
  return rows.map((row) => byIndex.get(row.index) ?? row)
}
