import type { Clock } from '../clock.ts'

/** Interactive reads and writes are `urgent` and may use the whole budget; imports and refreshes are `background`. */
export type BudgetClass = 'urgent' | 'background'

/** The right to send one request. Only the first call of `consume` or `release` has an effect. */
export type Slot = {
  /** Called as the first byte leaves. False: the slot has expired; send nothing and take a new one. */
  consume(): boolean
  /** Gives back a slot that was not used. */
  release(): void
}

export type Grant = { slot: Slot } | { waitMs: number }

/** At most N requests arrive at ChatHub in any sliding second. */
export type Budget = {
  /** Grants a slot now or says when to ask again; it never reserves a slot for later. */
  take(budgetClass: BudgetClass): Grant | Promise<Grant>
  /** A lower bound in ms for the wait of a call that has `ahead` calls before it. */
  estimate(ahead: number): number
  /** Grants nothing for `ms`, then a reduced rate that recovers within minutes (for a 429 of ChatHub). */
  pause(ms: number): void
  status(): { requestsPerSecond: number; allowedNow: number; usedInLastSecond: number; pausedForMs: number }
}

export type LocalBudget = Budget & {
  /** Counts a request that another budget granted. */
  note(budgetClass: BudgetClass): void
  /** A lower bound in ms until no granted slot counts any more. */
  idleInMs(): number
}

/** The sliding second holds at ChatHub if no request travels this much longer than another. */
export const jitterMs = 50
const windowMs = 1000 + jitterMs

/**
 * When a single instance may send its first request, on the system clock, which starts with the process. A restarted
 * process cannot know what the previous one sent.
 */
export const firstAskMs = windowMs

/** What imports and refreshes may use together, so that urgent calls find a slot; at least 1. */
export const backgroundShare = (requestsPerSecond: number): number =>
  Math.max(1, requestsPerSecond - Math.max(1, Math.floor(0.4 * requestsPerSecond)))

/** The rate after a 429: `slowed`, and a tenth of the full rate more after each minute. */
export const slowedRate = (full: number, slowed: number, sinceMs: number): number => {
  const minutes = Math.max(0, Math.floor(sinceMs / 60_000))
  return Math.max(1, Math.min(full, Math.floor(slowed + minutes * Math.max(1, full / 10))))
}

/** A slot from its effects, of which one runs, once. */
export const createSlot = (effects: { consume(): void; release(): void }, expired = () => false): Slot => {
  let open = true
  const close = (effect: () => void): boolean => {
    if (!open) return false
    open = false
    effect()
    return true
  }
  return { consume: () => !expired() && close(effects.consume), release: () => void close(effects.release) }
}

/**
 * The budget of a single process. A slot counts from its grant until one window after its request left. So the bound
 * holds however long a connection takes. A burst of N is allowed; only the sliding second counts.
 */
export const createLocalBudget = (options: {
  requestsPerSecond: () => number
  clock: Clock
  /** Nothing is granted earlier (monotonic ms). */
  opensAt?: number
}): LocalBudget => {
  const { clock, requestsPerSecond: full } = options
  const pools: Record<BudgetClass, { unsent: number; sentAt: number[] }> = {
    urgent: { unsent: 0, sentAt: [] },
    background: { unsent: 0, sentAt: [] },
  }
  const { opensAt = Number.NEGATIVE_INFINITY } = options
  /** ChatHub asked for it. */
  let pausedUntil = Number.NEGATIVE_INFINITY
  let slowed: { rate: number; since: number } | undefined

  const pausedForMs = (): number => Math.max(0, pausedUntil - clock.now())
  const closedForMs = (): number => Math.max(pausedForMs(), opensAt - clock.now())
  const allowed = (): number => {
    if (!slowed) return full()
    const rate = slowedRate(full(), slowed.rate, clock.now() - slowed.since)
    if (rate >= full()) slowed = undefined
    return rate
  }
  /** Slots of a class that still count. */
  const used = (budgetClass: BudgetClass): number => {
    const { unsent, sentAt } = pools[budgetClass]
    while (sentAt.length > 0 && (sentAt[0] as number) <= clock.now() - windowMs) sentAt.shift()
    return unsent + sentAt.length
  }
  const usedByAll = (): number => used('urgent') + used('background')
  const nextFreeMs = (...classes: BudgetClass[]): number => {
    const oldest = Math.min(...classes.map((each) => pools[each].sentAt[0] ?? Infinity))
    // No slot has been sent yet: ask again soon, since an unsent slot may be released at any time.
    return oldest === Infinity ? 10 : Math.max(1, oldest + windowMs - clock.now())
  }

  return {
    take: (budgetClass) => {
      const pool = pools[budgetClass]
      if (closedForMs() > 0) return { waitMs: closedForMs() }
      if (usedByAll() >= allowed()) return { waitMs: nextFreeMs('urgent', 'background') }
      if (budgetClass === 'background' && used(budgetClass) >= backgroundShare(allowed()))
        return { waitMs: nextFreeMs(budgetClass) }
      pool.unsent++
      const release = (): number => pool.unsent--
      const consume = (): void => {
        release()
        pool.sentAt.push(clock.now())
      }
      return { slot: createSlot({ consume, release }) }
    },
    estimate: (ahead) => {
      const rate = allowed()
      // After a slowdown more slots may count than the rate allows; they become free together.
      const busy = Math.min(rate, usedByAll()) + ahead
      if (busy < rate) return closedForMs()
      const windows = Math.floor((busy - rate) / rate)
      return Math.max(closedForMs(), windows * windowMs + nextFreeMs('urgent', 'background'))
    },
    pause: (ms) => {
      // Several refusals of one burst slow down only once.
      if (pausedForMs() === 0) slowed = { rate: Math.floor((allowed() * 2) / 3), since: clock.now() + ms }
      pausedUntil = Math.max(pausedUntil, clock.now() + ms)
    },
    note: (budgetClass) => {
      used(budgetClass)
      pools[budgetClass].sentAt.push(clock.now())
    },
    idleInMs: () => {
      if (pools.urgent.unsent + pools.background.unsent > 0) return windowMs
      const newest = Math.max(...Object.values(pools).map(({ sentAt }) => sentAt.at(-1) ?? -Infinity))
      return Math.max(0, newest + windowMs - clock.now())
    },
    status: () => ({
      requestsPerSecond: full(),
      allowedNow: allowed(),
      usedInLastSecond: usedByAll(),
      pausedForMs: pausedForMs(),
    }),
  }
}
