import type { Reporter } from '../report.ts'

/** One of two leaving is ordinary; beyond that, losing more than half at once is suspicious. */
const shrank = (before: number, after: number): boolean =>
  before > 0 && (after === 0 || (before > 2 && after < before / 2))

/**
 * The list that ChatHub gives; one that drops to zero, or loses more than half at once beside the `before` rows that
 * were known, is asked for a second time before it is believed, and told.
 */
export const guardShrink = async <L extends { rows: readonly unknown[] }>(
  ask: () => Promise<L>,
  before: number | undefined,
  organization: number | undefined,
  report: Reporter,
): Promise<L> => {
  const listed = await ask()
  if (before === undefined || !shrank(before, listed.rows.length)) return listed
  const again = await ask()
  const after = again.rows.length
  report({ name: 'list-shrank', before, after, confirmed: shrank(before, after), organization })
  return again
}
