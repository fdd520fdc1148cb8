import type { Operator } from '../../src/contract/operator.ts'
import { activeIn } from '../../src/events/coverage-steps.ts'
import { digestOf, encodeRow } from '../../src/events/differences.ts'
import { resyncEvent } from '../../src/events/event-text.ts'
import { now, type Shared, type World } from './model-world.ts'

/** How a list comes to an instance: from its memory, from Redis, or from ChatHub. */
export const createListModel = ({ ledger, cache, events, sharedOf, ownOf, listening }: World) => {
  /** ChatHub is asked for a list, which the operator index and the events learn before the cache keeps it. */
  const load = (
    instance: number,
    list: number,
    budgetClass: 'urgent' | 'background',
    isStored = true,
  ): void => {
    const [all, mine] = [sharedOf(list), ownOf(instance, list)]
    const { roster } = all
    cache.slot(budgetClass)
    ledger.request()
    const learned = roster.operators.length - mine.learned
    if (learned > 0) {
      const hints = roster.operators.slice(-learned).flatMap(({ id }) => [id, list])
      ledger.script('operatorIndexLearn', { keys: ['operator-index'], args: hints, reply: 1, inside: 2 })
      mine.learned += learned
    }
    if (mine.answered) events.touch(list)
    else {
      events.load(list, all.rows ?? new Map())
      if (all.rows) events.touch(list)
      else begin(list, all)
    }
    if (isStored) cache.fill(list, roster.bytes)
    all.stored ||= isStored
    Object.assign(mine, { current: true, answered: true })
  }
  const begin = (list: number, all: Shared): void => {
    const rowOf = ({ id, name, status, statusCode }: Operator): [number, string] => [
      id,
      encodeRow({ status, statusCode, name: digestOf(name), toldAt: 0, since: 0, by: undefined }),
    ]
    const rows = new Map(all.roster.operators.map(rowOf))
    const told = [{ organization: list, text: JSON.stringify(resyncEvent(list, now, true)) }]
    events.append(
      list,
      { rows, events: told, step: [now, now, null, null, activeIn(new Map(), rows)] },
      listening(),
    )
    if (listening() > 0) events.read(0, [told[0]?.text ?? ''], listening())
    all.rows = new Map([...rows].map(([id, row]) => [id, row ?? '']))
  }
  const read = (instance: number, list: number): void => {
    const [all, mine] = [sharedOf(list), ownOf(instance, list)]
    mine.isRead = true
    if (mine.current) return
    cache.read(list, all.stored ? all.roster.bytes : undefined, all.stored, !all.stored, 3_600_000)
    if (all.stored) mine.current = true
    else load(instance, list, 'urgent')
  }
  /** A list that is newer than the request for it, to be changed. One that is current is not stored again before that. */
  const readNew = (instance: number, list: number, budgetClass: 'urgent' | 'background'): void => {
    const all = sharedOf(list)
    const mine = ownOf(instance, list)
    const { current } = mine
    mine.isRead = true
    if (!current) cache.read(list, all.stored ? all.roster.bytes : undefined, false, true, 0)
    load(instance, list, budgetClass, !current)
  }

  return { read, readNew }
}
