import type { Clock } from '../clock.ts'

/** Two classes share the budget: people and writes may use all of it, imports and refreshes together only a part. */
export type BudgetClass = 'urgent' | 'background'

/** The right to send one request. Exactly one of `leave` (as the first byte leaves) and `giveBack` takes effect. */
export type Slot = {
  /** False: the slot was granted too long ago and is forfeited; send nothing and take a new one. */
  consume(): boolean
  /** For a slot that is not needed after all; does nothing once the request has left. */
  release(): void
}

export type Grant = { slot: Slot } | { waitMs: number }

/** At most N requests arrive at ChatHub in any sliding second. */
export type Budget = {
  /** Grants now or says when to ask again; never books ahead. */
  take(klass: BudgetClass): Grant | Promise<Grant>
  /** How long a call waits that has `ahead` calls before it, in ms; an estimate from below. */
  estimate(ahead: number): number
  /** ChatHub asked for a pause of `ms`: nothing is granted meanwhile, and for a minute less than before. */
  pause(ms: number): void
  status(): { requestsPerSecond: number; allowedNow: number; usedInLastSecond: number; pausedForMs: number }
}

export type LocalBudget = Budget & {
  /** A request left that was granted elsewhere; it counts here too. */
  note(klass: BudgetClass): void
  /** Until nothing that was granted counts any more, ms: at least so long. */
  idleInMs(): number
}

/** A request may reach ChatHub this much later than it left here, and windows still hold. */
export const jitterMs = 50
const windowMs = 1000 + jitterMs

/**
 * When a process that is the only one may ask first, on the system's clock, which begins with the process: one that was
 * killed and started anew cannot know what it sent before.
 */
export const firstAskMs = windowMs

/** What imports and refreshes may use together, so that people always find room; one a second at the least. */
export const backgroundShare = (requestsPerSecond: number): number =>
  Math.max(1, requestsPerSecond - Math.max(1, Math.floor(0.4 * requestsPerSecond)))

/** A slower rate after ChatHub's 429: two thirds for a minute, then a tenth of the full rate back each minute. */
export const slowedRate = (full: number, slowed: number, sinceMs: number): number =>
  Math.max(
    1,
    Math.min(full, Math.floor(slowed + Math.max(0, Math.floor(sinceMs / 60_000)) * Math.max(1, full / 10))),
  )

/**
 * The budget of this process alone. A slot counts from its grant until one window after its request left, so the bound
 * holds exactly however long a connection takes. Bursts up to N are fine: only the sliding second counts.
 */
export const createLocalBudget = (options: {
  requestsPerSecond: () => number
  clock: Clock
  /** Nothing is granted before (monotonic ms). */
  opensAt?: number
}): LocalBudget => {
  const { clock } = options
  const full = options.requestsPerSecond
  const pools: Record<BudgetClass, { unsent: number; left: number[] }> = {
    urgent: { unsent: 0, left: [] },
    background: { unsent: 0, left: [] },
  }
  let pausedUntil = options.opensAt ?? Number.NEGATIVE_INFINITY
  const pausedForMs = (): number => Math.max(0, pausedUntil - clock.now())
  /** Forgets what left longer than a window ago. */
  const trim = ({ left }: { left: number[] }): void => {
    const horizon = clock.now() - windowMs
    while (left.length > 0 && (left[0] as number) <= horizon) left.shift()
  }
  let slowed: { rate: number; since: number } | undefined

  const allowed = (): number => {
    if (!slowed) return full()
    const rate = slowedRate(full(), slowed.rate, clock.now() - slowed.since)
    if (rate >= full()) slowed = undefined
    return rate
  }
  /** Slots of a class that still count. */
  const used = (klass: BudgetClass): number => {
    trim(pools[klass])
    return pools[klass].unsent + pools[klass].left.length
  }
  const usedByAll = (): number => used('urgent') + used('background')
  /** Until a slot of these classes comes free. */
  const nextFreeMs = (...classes: BudgetClass[]): number => {
    const oldest = Math.min(...classes.map((klass) => pools[klass].left[0] ?? Infinity))
    // Slots that were granted but have not left yet come free soon after they do; ask again shortly.
    return oldest === Infinity ? 10 : Math.max(1, oldest + windowMs - clock.now())
  }

  const grant = (klass: BudgetClass): Slot => {
    const pool = pools[klass]
    pool.unsent++
    let open = true
    const close = (): boolean => {
      if (!open) return false
      open = false
      pool.unsent--
      return true
    }
    return {
      consume: () => {
        if (close()) pool.left.push(clock.now())
        return true
      },
      release: () => void close(),
    }
  }

  return {
    take: (klass) => {
      const waitMs = pausedForMs()
      if (waitMs > 0) return { waitMs }
      if (usedByAll() >= allowed()) return { waitMs: nextFreeMs('urgent', 'background') }
      if (klass === 'background' && used(klass) >= backgroundShare(allowed()))
        return { waitMs: nextFreeMs(klass) }
      return { slot: grant(klass) }
    },
    estimate: (ahead) => {
      const rate = allowed()
      // After a slowdown more may count than the rate allows now; they come free together.
      const busy = Math.min(rate, usedByAll()) + ahead
      if (busy < rate) return pausedForMs()
      const windows = Math.floor((busy - rate) / rate)
      return Math.max(pausedForMs(), windows * windowMs + nextFreeMs('urgent', 'background'))
    },
    pause: (ms) => {
      // Several refusals of one burst slow down once.
      if (clock.now() >= pausedUntil)
        slowed = { rate: Math.max(1, Math.floor((allowed() * 2) / 3)), since: clock.now() + ms }
      pausedUntil = Math.max(pausedUntil, clock.now() + ms)
    },
    note: (klass) => {
      trim(pools[klass])
      pools[klass].left.push(clock.now())
    },
    idleInMs: () => {
      if (pools.urgent.unsent + pools.background.unsent > 0) return windowMs
      const newest = Math.max(
        pools.urgent.left.at(-1) ?? -Infinity,
        pools.background.left.at(-1) ?? -Infinity,
      )
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
