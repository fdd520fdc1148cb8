import type { Reporter } from '../report.ts'

/** To lose one of two is ordinary; to lose everything, or more than half of three or more, is suspicious. */
export const shrank = (before: number, after: number): boolean =>
  before > 0 && (after === 0 || (before > 2 && after < before / 2))

/**
 * Asks ChatHub for a list, and a second time when it shrank suspiciously from the `before` rows that were known. The
 * second answer counts, and the event is reported.
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
