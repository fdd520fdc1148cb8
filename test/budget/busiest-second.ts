/** The most arrivals in any second [t, t + 1000), by the clock that took their times. */
export const busiestSecond = (arrivals: readonly { at: number }[]): number =>
  Math.max(
    0,
    ...arrivals.map(({ at: from }) => arrivals.filter(({ at }) => at >= from && at < from + 1000).length),
  )
