/** The times of a list, in ms since its request left for ChatHub. */
export type Times = {
  /** Served without asking ChatHub. */
  freshMs: number
  /** Then this long: served at once while refreshed behind. */
  revalidateMs: number
  /** Older still: a reader waits this long for ChatHub, then gets the old copy. */
  waitMs: number
  /** A copy older than this is not served. */
  staleMs: number
}

export const stateAt = (ageMs: number, times: Times): 'fresh' | 'revalidate' | 'wait' | 'expired' => {
  if (ageMs < times.freshMs) return 'fresh'
  if (ageMs >= keepMs(times)) return 'expired'
  return ageMs < times.freshMs + times.revalidateMs ? 'revalidate' : 'wait'
}

/** How long a store keeps a copy: as long as it may be served. */
export const keepMs = (times: Times): number => Math.max(times.staleMs, times.freshMs)
