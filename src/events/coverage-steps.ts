import type { CoverageStep } from '../contract/history.ts'
import type { ListChange, Seen } from './event-store.ts'

/** Two instants, ms since 1970. Equal: the exact time is known. */
export type Period = readonly [from: number, to: number]

/**
 * How the number of active accounts changed: `gained` and `lost` within a period, `active` since its end. Null: nothing is
 * known of the time before.
 */
export type Step = readonly [...Period, gained: number | null, lost: number | null, active: number]

/** The most steps of one organization. */
export const stepsMax = 5000

type Rows = ReadonlyMap<number, string | null>

const isActive = (row: string | null | undefined): boolean => row?.startsWith('active ') ?? false

/** How many rows of a known list are active after a change. */
export const activeIn = (known: Rows, changed: Rows): number => {
  let count = 0
  for (const [id, row] of known) if (!changed.has(id) && isActive(row)) count++
  for (const row of changed.values()) if (isActive(row)) count++
  return count
}

/** The change with what it means for the number of active accounts. Before a base line nobody knows that number. */
export const withStep = (change: ListChange, known: Rows, before: number, period: Period): ListChange => {
  let [gained, lost] = [0, 0]
  for (const [id, row] of change.rows) {
    const [was, is] = [isActive(known.get(id)), isActive(row)]
    if (is && !was) gained++
    if (was && !is) lost++
  }
  if (!change.seen) return change
  const active = before + gained - lost
  const step: Step | undefined = gained + lost > 0 ? [...period, gained, lost, active] : undefined
  return { ...change, seen: { ...change.seen, active }, step }
}

/** Whether something is missing between two steps. */
const isBroken = ([, , gained, lost, active]: Step, before: Step): boolean =>
  gained === null || lost === null || active - gained + lost !== before[4]

/** Bounds of the number of active accounts at instants, which may only grow. */
const createBounds = (steps: readonly Step[]) => {
  const begins = steps.toSorted((a, b) => a[0] - b[0])
  const ends = steps.toSorted((a, b) => a[1] - b[1])
  // What the steps may change that have begun and not ended.
  let [begun, ended, gained, lost] = [0, 0, 0, 0]
  return (at: number): Pick<CoverageStep, 'least' | 'most'> => {
    for (let step = begins[begun]; step && step[0] <= at; step = begins[++begun]) {
      gained += step[2] ?? 0
      lost += step[3] ?? 0
    }
    for (let step = ends[ended]; step && step[1] <= at; step = ends[++ended]) {
      gained -= step[2] ?? 0
      lost -= step[3] ?? 0
    }
    const [last, next] = [ends[ended - 1], ends[ended]]
    // Steps that overlap may take back the same account twice, and give it back in between.
    return last && !(next && isBroken(next, last))
      ? { least: Math.max(0, last[4] - lost), most: last[4] + gained }
      : unknown
  }
}
const unknown = { least: null, most: null }

/**
 * The number of active accounts within a period, without gaps or overlaps; at most `most` steps. Where a change is known
 * only by a longer period, bounds are known. Nothing is known before `keptSince` and the first step, between two steps
 * that do not fit together, and since the last list was asked for.
 */
export const coverageIn = (
  steps: readonly Step[],
  seen: Seen | undefined,
  { period: [from, to], keptSince, most }: { period: Period; keptSince: number; most: number },
): CoverageStep[] => {
  const knownUntil = seen?.askedAt ?? 0
  const ends = steps.map(([, end]) => end)
  const instants = [from, keptSince, knownUntil, ...steps.map(([start]) => start), ...ends]
  const starts = Float64Array.from(instants.filter((at) => at >= from && at < to)).sort()
  const boundsAt = createBounds(steps)
  const found: { at: number; bounds: ReturnType<typeof boundsAt> }[] = []
  for (const at of starts) {
    const known = boundsAt(at)
    const bounds = at >= keptSince && at < knownUntil ? known : unknown
    const before = found.at(-1)?.bounds
    if (before && before.least === bounds.least && before.most === bounds.most) continue
    // One more tells where the last one ends.
    if (found.push({ at, bounds }) > most) break
  }
  return found.slice(0, most).map(({ at, bounds }, place) => ({
    from: new Date(at).toISOString(),
    to: new Date(found[place + 1]?.at ?? to).toISOString(),
    active: bounds.least === bounds.most ? bounds.least : null,
    ...bounds,
  }))
}
