import { authorize } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import type { Clock } from '../clock.ts'
import { type NameToErase, replaceName } from '../contract/audit.ts'
import { fold } from '../contract/names.ts'
import { changeRows, type Journal, type Listed } from './journal.ts'
import { isFinal, type Operation, organizationOf, type Row } from './operation.ts'
import type { Watch, Watches } from './watches.ts'

const lockMs = 5000
const pageOf = 1000

/**
 * Replaces the name of an operator in the rows of operations that have ended. `running`: operations that still need it.
 * @throws Failure `organization.unknown`, `queue.full`, `redis.unavailable`
 */
export const createEraseInOperations =
  (journal: Journal, watches: Pick<Watches, 'of' | 'put' | 'remove'>, clock: Clock) =>
  async (caller: Caller, organization: number, name: NameToErase) => {
    authorize(caller, { organization })
    const running: string[] = []
    let rows = 0
    for (const id of await idsOf(journal, organization)) {
      const known = await journal.get(id)
      if (!known || !(await hasName(journal, known, name))) continue
      if (!isFinal(known)) {
        running.push(id)
        continue
      }
      await journal.withLock(id, { deadline: clock.now() + lockMs }, async (lock, operation) => {
        if (!operation || !isFinal(operation)) return
        const changed = await changeRows(operation, lock, journal, (row) => {
          const next = withoutName(row, name)
          if (next !== row) rows++
          return next
        })
        await journal.save(withoutBaseline(changed, name), lock)
      })
    }
    // Late requests for the name are not looked for any more, except those of operations that still run.
    const isWatched = ({ operation, names }: Watch): boolean =>
      !running.includes(operation) && names.some(([one]) => name.names.has(one))
    for (const { operation: id } of (await watches.of(organization)).filter(isWatched))
      await journal.withLock(id, { deadline: clock.now() + lockMs }, async () => {
        const watch = (await watches.of(organization)).find(({ operation }) => operation === id)
        const names = watch?.names.filter(([one]) => !name.names.has(one)) ?? []
        if (watch) await (names.length > 0 ? watches.put({ ...watch, names }) : watches.remove(watch))
      })
    return { rows, running }
  }

/** Whether the operation has the name, in its rows as far as they are kept, or in what a retry looks for. */
const hasName = async (journal: Journal, operation: Operation, name: NameToErase): Promise<boolean> => {
  for (let number = 0; number < operation.chunks; number++) {
    const rows = await journal.chunk(operation, number)
    if (rows.some((row) => withoutName(row, name) !== row)) return true
  }
  return withoutBaseline(operation, name) !== operation
}

/** All operations of an organization that may be kept. */
const idsOf = async (journal: Journal, wanted: number): Promise<string[]> => {
  const ids: string[] = []
  let page: Listed[] = []
  do {
    page = await journal.listed(page.at(-1), pageOf)
    for (const { id } of page) if (organizationOf(id) === wanted) ids.push(id)
  } while (page.length === pageOf)
  return ids
}

/** The same row where it does not have the name. */
const withoutName = (row: Row, name: NameToErase): Row => {
  const replaced = <T extends { name?: string }>(part: T | undefined): T | undefined => {
    if (part?.name === undefined) return part
    const next = replaceName(name, row.id, part.name)
    return next === part.name ? part : { ...part, name: next }
  }
  const [next, was, undo] = [replaced(row), replaced(row.was), replaced(row.undo)]
  if (next === row && was === row.was && undo === row.undo) return row
  return { ...row, ...next, ...(was && { was }), ...(undo && { undo }) }
}

/** The same operation where it does not have the name. */
const withoutBaseline = (operation: Operation, { names }: NameToErase): Operation => {
  const { givenUp } = operation
  const baseline = givenUp?.baseline.filter(([one]) => !names.has(fold(one)))
  if (!givenUp || !baseline || baseline.length === givenUp.baseline.length) return operation
  return { ...operation, givenUp: { ...givenUp, baseline } }
}

/** The JSON value with the name of an operator replaced, wherever an object has its id and its status or outcome. */
export const withoutNameIn = (value: unknown, name: NameToErase): unknown => {
  if (Array.isArray(value)) return value.map((each) => withoutNameIn(each, name))
  if (typeof value !== 'object' || value === null) return value
  const fields = Object.entries(value).map(([key, each]) => [key, withoutNameIn(each, name)])
  const next = Object.fromEntries(fields) as { id?: number; name?: unknown }
  const isOperator = 'status' in next || 'outcome' in next
  if (isOperator && typeof next.name === 'string') next.name = replaceName(name, next.id, next.name)
  return next
}
