import type { Assignment, Strategy } from '../contract/assignment.ts'

/** Why an operator, without the counts of the organization. */
export type Reason = Omit<Assignment['explain'], 'active' | 'candidates'>

/** Who holds a chat. */
export type HeldChat = {
  operator: number
  strategy: Strategy
  /** Date of the choice, ms since 1970. */
  assignedAt: number
  /** The chat's id was sent as an integer. */
  isNumber: boolean
}

/** The turns of one organization under `roundRobin`. */
export type Rotation = {
  /** Who was active when a turn was last given, in ChatHub's order. */
  present: readonly number[]
  /** Chats given in turn, by operator. Numbers are compared, never read as history: a newcomer does not start at 0. */
  given: ReadonlyMap<number, number>
}
export const emptyRotation: Rotation = { present: [], given: new Map() }

export type AssignmentRequest = {
  strategy: Strategy
  /** In ChatHub's order. */
  active: readonly number[]
  exclude: readonly number[]
  /** The chat as a number, for `modulo`. */
  number: number | undefined
  /** Kept with the hold. */
  isNumber: boolean
}

/** The operator and why; `turns` where they change. */
type Choice = { operator: number; why: Reason; turns?: Rotation }

/**
 * Who gets a chat; undefined: nobody can. A held one stays while its operator is active and not excluded. Else `modulo`
 * counts it off among the candidates (« Équilibrage de charge »), and `roundRobin` gives it to who was given fewest, the
 * first of them in ChatHub's order: so two operators that are both there never differ by more than one. A turn that was
 * given is not given back. The script in `redis-assignments.ts` says the same in Lua; one suite holds them together.
 */
export const assign = (
  wish: AssignmentRequest,
  held: HeldChat | undefined,
  turns: Rotation,
): Choice | undefined => {
  const excluded = new Set(wish.exclude)
  const candidates = wish.active.filter((id) => !excluded.has(id))
  if (held && candidates.includes(held.operator)) return { operator: held.operator, why: { reason: 'held' } }
  const [first] = candidates
  if (first === undefined) return undefined
  const moved: Pick<Reason, 'moved'> = held
    ? { moved: wish.active.includes(held.operator) ? 'excluded' : 'inactive' }
    : {}
  if (wish.strategy === 'modulo') {
    const index = (wish.number as number) % candidates.length
    return { operator: candidates[index] as number, why: { reason: 'modulo', ...moved, index } }
  }
  const admitted = admit(turns, wish.active)
  const countOf = (id: number): number => admitted.get(id) as number
  const operator = candidates.reduce((best, id) => (countOf(id) < countOf(best) ? id : best), first)
  const given = countOf(operator)
  return {
    operator,
    why: { reason: 'fewestChats', ...moved, given },
    turns: { present: wish.active, given: admitted.set(operator, given + 1) },
  }
}

/**
 * Chats given in turn, with everybody active among them. Who comes, or comes back, starts at the fewest of those who
 * stayed (nobody stayed: at the most that anybody had), never below, so that no newcomer is flooded. Who left is
 * remembered only while ahead of that.
 */
const admit = ({ present, given }: Rotation, active: readonly number[]): Map<number, number> => {
  const before = new Set(present)
  const stayed = active.filter((id) => before.has(id) && given.has(id))
  const counts = (stayed.length > 0 ? stayed : [...given.keys()]).map((id) => given.get(id) as number)
  const start = stayed.length > 0 ? Math.min(...counts) : Math.max(0, ...counts)
  const here = new Set(active)
  const next = new Map([...given].filter(([id, count]) => here.has(id) || count > start))
  for (const id of active)
    if (!before.has(id) || !next.has(id)) next.set(id, Math.max(next.get(id) ?? 0, start))
  return next
}
