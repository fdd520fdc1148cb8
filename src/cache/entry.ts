/** The times of a list, in ms since its request left for ChatHub. */
export type Times = {
  /** Until then it is served without asking ChatHub. */
  freshMs: number
  /** For this long after that it is served at once and refreshed in the background. */
  revalidateMs: number
  /** When it is older, a reader waits this long for ChatHub before it gets the old copy. */
  waitMs: number
  /** From then on it is not served. */
  staleMs: number
}

export const stateAt = (ageMs: number, times: Times): 'fresh' | 'revalidate' | 'wait' | 'expired' => {
  if (ageMs < times.freshMs) return 'fresh'
  if (ageMs >= keepMs(times)) return 'expired'
  return ageMs < times.freshMs + times.revalidateMs ? 'revalidate' : 'wait'
}

/** How long a store keeps a copy: as long as it may be served. */
export const keepMs = (times: Times): number => Math.max(times.staleMs, times.freshMs)
