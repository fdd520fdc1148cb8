import { inSlices } from '../clock.ts'
import { cleanName, fold } from '../contract/names.ts'
import type { Operator, Status } from '../contract/operator.ts'
import type { Roster } from '../lists/roster.ts'
import { type Baseline, changesStatus, isPending, type Operation, type Row, statusGoal } from './operation.ts'

/** What an operation does with its rows. With a `status` it changes operators by id, otherwise it adds names. */
export type Modes = Partial<Pick<Operation, 'kind' | 'onDuplicate' | 'onDeleted' | 'status' | 'switchOnly'>>

/**
 * Decides each pending row by the list and by the rows before it. A row stays `pending` while something has to be done
 * first. Its operator is changed, its name is added, or an earlier row of the same name is decided.
 * « Opérateurs en double »
 */
export const planRows = (roster: Roster, rows: readonly Row[], modes: Modes): Row[] =>
  rows.map(createPlanner(roster, modes))

const createPlanner = (roster: Roster, modes: Modes): ((row: Row) => Row) => {
  if (changesStatus(modes)) return (row) => (isPending(row) ? planStatus(roster, row, modes) : row)
  if (modes.onDuplicate === 'allow') return (row) => row
  const seen = new Map<string, Row>()
  return (row) => {
    const key = fold(row.name ?? '')
    const earlier = seen.get(key)
    const plan = () => (earlier ? followEarlier(row, earlier) : planName(roster, row, modes))
    const planned = isPending(row) ? plan() : row
    // An invalid name decides nothing for later rows.
    if (!earlier && !row.reason?.startsWith('name.')) seen.set(key, planned)
    return planned
  }
}

const canSwitch = (status: Status): boolean => status === 'active' || status === 'inactive'

const planStatus = (roster: Roster, row: Row, modes: Modes): Row => {
  const { id, undo } = row
  const operator = roster.byId(id as number)
  const rejected = (reason: string): Row => ({ ...row, outcome: 'rejected', reason })
  if (!operator) return rejected('operator.unknown')
  if (undo && fold(operator.name) !== fold(undo.name)) return rejected('undo.renamed')
  const { status } = statusGoal(modes, row)
  if (operator.status === status) return { ...row, outcome: 'unchanged' }
  if (undo && operator.status !== undo.from) return rejected('undo.changed')
  if (modes.switchOnly && !(canSwitch(operator.status) && canSwitch(status))) return rejected('scope.missing')
  return { ...row, was: { name: operator.name, status: operator.status } }
}

/** An operator that is not deleted decides, otherwise a deleted one. To reactivate that one, the row takes its id. */
const planName = (roster: Roster, { id, ...row }: Row, { onDeleted }: Modes): Row => {
  const sameName = roster.byName(row.name as string)
  const present = sameName.find(({ status }) => status !== 'deleted')
  // A row with the id was sent to reactivate that operator.
  if (present) return { ...row, outcome: present.id === id ? 'reactivated' : 'exists', id: present.id }
  const [deleted] = sameName
  if (!deleted) return row
  if (onDeleted !== 'reactivate') return { ...row, outcome: 'existsDeleted', id: deleted.id }
  return { ...row, outcome: 'pending', id: deleted.id, was: { name: deleted.name, status: deleted.status } }
}

/** A later row of the same name exists once the earlier one does. Otherwise it ends as the earlier one. */
const followEarlier = (row: Row, { outcome, id, reason }: Row): Row => {
  if (outcome === 'pending') return row
  const isThere = outcome === 'created' || outcome === 'reactivated'
  return { ...row, outcome: isThere ? 'exists' : outcome, id, reason }
}

/** Tells the pending rows that can be sent now: the first of each id or name, or every one where duplicates are allowed. */
const createSelection = ({ onDuplicate }: Modes): ((row: Row) => boolean) => {
  const seen = new Set<unknown>()
  return ({ index, name, id }) => {
    const key = name === undefined ? id : onDuplicate === 'allow' ? index : fold(name)
    return seen.size < seen.add(key).size
  }
}

export const rowsToSend = (rows: readonly Row[], modes: Modes) => {
  const first = rows.filter(isPending).filter(createSelection(modes))
  return {
    adding: first.filter(({ id }) => id === undefined),
    changing: first.filter(({ id }) => id !== undefined),
  }
}

/** The outcome of each row if all of them were written now. Many rows are decided in slices of the event loop. */
export const previewRows = async (roster: Roster, rows: readonly Row[], modes: Modes): Promise<Row[]> => {
  const plan = createPlanner(roster, modes)
  const isSent = createSelection(modes)
  const previewed: Row[] = []
  await inSlices(rows, (row) => {
    const planned = plan(row)
    const written = () => (!isSent(planned) ? 'exists' : planned.id === undefined ? 'created' : 'reactivated')
    previewed.push(isPending(planned) ? { ...planned, outcome: written() } : planned)
  })
  return previewed
}

/** The ids that carry the names of these rows in the list. Another id with such a name later is new. */
export const baselineOf = (roster: Roster, rows: readonly Row[]): Baseline =>
  rows.map(({ name = '' }) => [fold(name), roster.byName(name).map(({ id }) => id)])

/**
 * Gives each sent row an operator that is not in the baseline. One of the same spelling comes first, then one of the same
 * folded name. ChatHub promises neither the order nor the length of its answer. Rows without an operator stay as they
 * are.
 */
export const matchRows = (sent: readonly Row[], found: readonly Operator[], baseline: Baseline): Row[] => {
  const before = new Map(baseline)
  const taken = new Set<number>()
  const matchBy = (spelling: (name: string) => string): ((row: Row) => Row) => {
    const fresh = new Map<string, number[]>()
    for (const { id, name } of found) {
      if (taken.has(id) || before.get(fold(name))?.includes(id)) continue
      const ids = fresh.get(spelling(name))
      if (ids) ids.push(id)
      else fresh.set(spelling(name), [id])
    }
    return (row) => {
      const id = row.id ?? fresh.get(spelling(row.name ?? ''))?.shift()
      if (id === undefined || id === row.id) return row
      taken.add(id)
      return { ...row, outcome: 'created', id }
    }
  }
  return sent.map(matchBy(cleanName)).map(matchBy(fold))
}

/** Operators that carry one of these names and are not known, by name. Deleted ones do not count. */
export const lateOperators = (roster: Roster, names: Baseline): Map<string, number[]> => {
  const late = new Map<string, number[]>()
  for (const [name, known] of names) {
    const others = roster.byName(name).filter(({ id, status }) => status !== 'deleted' && !known.includes(id))
    const ids = others.map(({ id }) => id)
    if (ids.length > 0) late.set(name, ids)
  }
  return late
}

export const replaceRows = (rows: readonly Row[], changed: readonly Row[]): Row[] => {
  const byIndex = new Map(changed.map((row) => [row.index, row]))
  return rows.map((row) => byIndex.get(row.index) ?? row)
}
