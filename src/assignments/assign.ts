import { type Assignment, chatNumber, type Strategy } from '../contract/assignment.ts'

/** Why an operator was chosen, without the counts of the organization. */
type Reason = Omit<Assignment['explain'], 'active' | 'candidates'>

/** `assignedAt`: ms since 1970. `isNumber`: the chat's id was sent as an integer. */
export type HeldChat = { operator: number; strategy: Strategy; assignedAt: number; isNumber: boolean }

/** Chats given to an operator by round robin. Only differences count: a newcomer does not start at 0. */
export type Counter = { count: number; isActive: boolean }
/** The counters of one organization by operator: of all that were active at the last choice, and of some that left. */
export type Rotation = Map<number, Counter>
/** New counters; undefined: the operator is forgotten. */
export type Changes = Map<number, Counter | undefined>

/** Active operators and candidates are in ChatHub's order; candidates are those that are not excluded. */
export type AssignmentRequest = {
  chatId: string | number
  strategy: Strategy
  active: readonly number[]
  candidates: readonly number[]
  held: HeldChat | undefined
  /** Ms since 1970. */
  now: number
}

/** `hold`: the same object for a chat that stays with its operator. `changes`: what the choice changes in the rotation. */
export type Choice = { hold: HeldChat; why: Reason; changes: Changes }

/**
 * Chooses the operator of a chat; undefined when there is no candidate. A held chat keeps its operator while that one is
 * a candidate. Else `modulo` takes the candidate at the chat's number (« Équilibrage de charge »). `roundRobin` takes the
 * first candidate with the fewest chats: two operators that are both active never differ by more than one.
 */
export const assign = (request: AssignmentRequest, rotation: Rotation): Choice | undefined => {
  const { chatId, strategy, active, candidates, held, now } = request
  if (held && candidates.includes(held.operator))
    return { hold: held, why: { reason: 'held' }, changes: new Map() }
  const isNumber = typeof chatId === 'number'
  const holdOf = (id: number): HeldChat => ({ operator: id, strategy, assignedAt: now, isNumber })
  const [first] = candidates
  if (first === undefined) return undefined
  const moved = held && ({ moved: active.includes(held.operator) ? 'excluded' : 'inactive' } as const)
  if (strategy === 'modulo') {
    const index = (chatNumber(chatId) as number) % candidates.length
    const hold = holdOf(candidates[index] as number)
    return { hold, why: { reason: 'modulo', ...moved, index }, changes: new Map() }
  }
  const changes = admit(rotation, active)
  const countOf = (id: number): number => (changes.get(id) ?? (rotation.get(id) as Counter)).count
  let [operator, given] = [first, countOf(first)]
  for (const id of candidates) {
    const count = countOf(id)
    if (count < given) [operator, given] = [id, count]
  }
  changes.set(operator, { count: given + 1, isActive: true })
  return { hold: holdOf(operator), why: { reason: 'fewestChats', ...moved, given }, changes }
}

/**
 * What makes exactly the active operators active in the rotation. A newcomer starts at the fewest of those who stayed, or
 * at the most if nobody stayed. It never starts below its own count, so it is not flooded. An operator that left is
 * remembered only while it is ahead of that.
 */
const admit = (rotation: Rotation, active: readonly number[]): Changes => {
  const changes: Changes = new Map()
  const stayed = active.filter((id) => rotation.get(id)?.isActive)
  if (stayed.length === active.length && stayed.length === rotation.size) return changes
  const here = new Set(active)
  const countOf = (id: number): number => rotation.get(id)?.count ?? 0
  const start =
    stayed.length > 0
      ? stayed.reduce((fewest, id) => Math.min(fewest, countOf(id)), Number.POSITIVE_INFINITY)
      : [...rotation.values()].reduce((most, { count }) => Math.max(most, count), 0)
  for (const [id, { count, isActive }] of rotation) {
    if (here.has(id)) continue
    if (count <= start) changes.set(id, undefined)
    else if (isActive) changes.set(id, { count, isActive: false })
  }
  for (const id of active)
    if (!rotation.get(id)?.isActive) changes.set(id, { count: Math.max(countOf(id), start), isActive: true })
  return changes
}

/** Applies changes to a rotation, in place. */
export const change = (rotation: Rotation, changes: Changes): void => {
  for (const [operator, counter] of changes) {
    if (counter) rotation.set(operator, counter)
    else rotation.delete(operator)
  }
}
