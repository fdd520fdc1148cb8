import type { Actor, List } from './actor.ts'
import { type Cost, medianOf, times } from './cost.ts'

/**
 * One line of the tables. `each`: the median operation, since a busy machine adds to some: slots that expire, leases that are
 * renewed, another instance that looks for what was left. Or one second of one instance that rests.
 */
export type Measured = { what: string; each: Cost; steps: Map<string, number>; count: number }

/** Names that are as long as people's. */
export const nameOf = (number: number): string => `Olena Kovalenko ${String(number).padStart(5, '0')}`

const rowsOfImport = 250
export const batchSize = 100

/**
 * The same work for the model and for real instances: each kind of operation `count` times, at one instance after the other.
 * An organization is used for one kind, unless a kind is about what another one left behind.
 */
export const runScenario = async (
  actor: Actor,
  lists: readonly List[],
  instances: number,
  { count, restSeconds }: { count: number; restSeconds: number },
): Promise<Measured[]> => {
  const found: Measured[] = []
  const unused = [...lists]
  const take = (number: number): List[] => {
    if (unused.length < number) throw new Error('too few organizations')
    return unused.splice(0, number)
  }
  const at = (number: number): number => number % instances
  let names = 0

  const measure = async (
    what: string,
    number: number,
    work: (turn: number) => Promise<void>,
  ): Promise<void> => {
    await actor.spent()
    const costs: Cost[] = []
    const steps = new Map<string, number>()
    for (let turn = 0; turn < number; turn++) {
      await work(turn)
      const spent = await actor.spent()
      costs.push(spent.work)
      for (const [step, often] of spent.steps) steps.set(step, (steps.get(step) ?? 0) + often)
    }
    found.push({ what, each: medianOf(costs), steps, count: number })
  }
  const measureRest = async (what: string): Promise<void> => {
    await actor.spent()
    await actor.rest(restSeconds)
    const { all, seconds, steps } = await actor.spent()
    found.push({ what, each: times(all, 1 / seconds / instances), steps, count: seconds * instances })
  }
  const readEverywhere = async ({ id }: List): Promise<void> => {
    for (let instance = 0; instance < instances; instance++) await actor.read(instance, id)
  }

  const [spare, cached, patched, assigned] = take(4) as [List, List, List, List]
  const [first] = patched.operators
  const operator = first?.id as number
  let turns = 0
  const setStatus = (turn: number): Promise<void> =>
    actor.setStatus(at(turn), patched.id, operator, turns++ % 2 === 0 ? 'inactive' : 'active')

  for (const list of [spare, cached, patched, assigned]) await readEverywhere(list)
  // The first call of a script brings its text to Redis.
  for (let instance = 0; instance < instances; instance++) {
    await actor.add(instance, spare.id, nameOf(names++))
    await actor.add(instance, spare.id, nameOf(names++), `first-key-of-the-scale-test-${instance}`)
    await actor.assign(instance, spare.id, `chat-${instance}`)
    await setStatus(instance)
  }
  await actor.assign(0, assigned.id, 'first')

  await measureRest('nothing, for a second at one instance')
  await measure('read, the list is in memory', count, (turn) => actor.read(at(turn), cached.id))
  const missed = take(count)
  const read = (turn: number, further = 0) => actor.read(at(turn + further), (missed[turn] as List).id)
  await measure('read, nobody has the list', count, (turn) => read(turn))
  if (instances > 1) await measure('read, another instance has the list', count, (turn) => read(turn, 1))
  const added = take(count)
  for (const [turn, { id }] of added.entries()) await actor.read(at(turn), id)
  await measure('POST of one name, the first of its organization', count, (turn) =>
    actor.add(at(turn), (added[turn] as List).id, nameOf(names++)),
  )
  await measure('POST of one name, after others', count, (turn) =>
    actor.add(at(turn), (added[turn] as List).id, nameOf(names++)),
  )
  await measure('POST with an Idempotency-Key', count, (turn) =>
    actor.add(at(turn), (added[turn] as List).id, nameOf(names++), `key-of-the-scale-test-${1000 + turn}`),
  )
  await measure('PATCH of a status', count, setStatus)
  const imported = take(Math.max(instances, Math.ceil(count / 4)))
  for (const [turn, { id }] of imported.entries()) await actor.read(at(turn), id)
  await measure(`import of ${rowsOfImport} names`, imported.length, (turn) =>
    actor.import(
      at(turn),
      (imported[turn] as List).id,
      Array.from({ length: rowsOfImport }, () => nameOf(names++)),
    ),
  )
  await measure('assignment of a new chat', count, (turn) =>
    actor.assign(at(turn), assigned.id, `chat-${1000 + turn}`),
  )
  await measure('assignment of a chat that is held', count, (turn) =>
    actor.assign(at(turn + 1), assigned.id, `chat-${1000 + turn}`),
  )
  await actor.listen(patched.id)
  await measureRest('nothing, with a reader of /v1/events')
  await measure('PATCH with a reader at each instance', count, setStatus)
  await actor.callBack(patched.id)
  await measureRest('nothing, with one webhook in all')
  await measure('PATCH with a webhook', count, setStatus)
  return found
}
