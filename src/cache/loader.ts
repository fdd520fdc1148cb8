import { LRUCache } from 'lru-cache'
import { atMost } from '../at-most.ts'
import type { CallContext } from '../chathub/exchange.ts'
import { type Clock, every, pause } from '../clock.ts'
import { Failure, isFailure } from '../errors.ts'
import type { Reporter } from '../report.ts'
import type { Coherence } from './coherence.ts'
import { keepMs, type Times } from './entry.ts'
import type { Copy, Loaded, Memory } from './memory.ts'
import { createSingleFlight, type Urgency } from './single-flight.ts'
import type { Claim, Store } from './store.ts'

export type LoaderOptions<T> = {
  list: 'operators' | 'organizations'
  store: Store
  times: Times
  clock: Clock
  report: Reporter
  coherence: Coherence
  memory: Memory<T>
  /** Asks ChatHub. `previous`: the copy so far, however old. */
  load(key: string, context: CallContext, previous: T | undefined): Promise<Loaded<T>>
  /** The value of stored bytes. @throws when they are not what was stored */
  decode(bytes: Buffer): T
}

/** What memory and store know of a list, and the guards under which a load that follows may be kept. */
export type Known<T> = {
  /** The better of the two copies. If its epoch differs from `epoch`, a write invalidated it. */
  copy: Copy<T> | undefined
  /** undefined: the store is away. */
  epoch: string | undefined
  /** This instance is to load the list now. undefined: nothing can be claimed, or stored. */
  claimed: boolean | undefined
  generation: number
  term: number | undefined
}

/**
 * `isNew`: what other instances load will not do. `forWrite`: as in `ReadOptions`. `known`: what the reader found when it
 * looked a moment ago. `youngMs`: a copy of another instance that is younger will do; by default a fresh one.
 */
export type LoadOptions<T> = {
  isNew?: boolean
  forWrite?: boolean
  known?: Known<T> | undefined
  youngMs?: number
}

// A list that ChatHub refuses for good is not asked for again so soon.
const forbiddenMs = 5000
const attemptsMax = 3
// The most that the other instances wait for one that dies while it loads. One that lives renews its claim in time.
const claimMs = 2000
const claimAgainMs: Record<Urgency, number> = { foreground: 30, background: 250 }
const storeBackMs = 1000

/** Brings lists into memory: from the store, or from ChatHub by one load for all who wait on all instances. */
export const createLoader = <T>(options: LoaderOptions<T>) => {
  const { clock, coherence, list, memory, report, store, times } = options
  const flights = createSingleFlight<Copy<T>>()
  const refused = new LRUCache<string, { failure: Failure; until: number }>(atMost(10_000))

  const refusalOf = (key: string): Failure | undefined => {
    const refusal = refused.get(key)
    return refusal && clock.now() < refusal.until ? refusal.failure : undefined
  }
  const urgencyOf = ({ lane }: CallContext): Urgency =>
    lane === 'refreshes' || lane === 'imports' ? 'background' : 'foreground'
  const claimOf = (context: CallContext, youngMs: number, wanted: Claim['wanted']): Claim => {
    return { urgency: urgencyOf(context), leaseMs: claimMs, youngMs, wanted }
  }
  const release = (key: string, { urgency }: Claim): void => void store.release(key, urgency).catch(() => {})
  /** Whether no write has invalidated what was read under this generation. */
  const isUndisturbed = (key: string, { generation }: Known<T>): boolean =>
    generation === memory.generation(key)

  const readThroughStore = async (key: string, claim?: Claim): Promise<Known<T>> => {
    const known: Known<T> = {
      copy: undefined,
      epoch: undefined,
      claimed: undefined,
      generation: memory.generation(key),
      term: coherence.leaseTerm(),
    }
    const readAt = clock.now()
    // A store that is away has reported it, and is a miss.
    const found = await store.read(key, claim).catch(() => undefined)
    known.copy = memory.get(key)
    if (!found) return known
    const { epoch, stored } = found
    known.epoch = epoch
    known.claimed = found.claimed
    if (!isUndisturbed(key, known)) return known
    const own = known.copy
    const storedAt = stored ? readAt - stored.ageMs : Number.NEGATIVE_INFINITY
    if (own?.epoch === epoch && (stored?.epoch !== epoch || storedAt <= own.askedAt))
      known.copy = memory.keep(key, own, known.term)
    else if (stored)
      try {
        const copy = { ...stored, value: options.decode(stored.bytes), askedAt: storedAt }
        known.copy = copy.epoch === epoch ? memory.keep(key, copy, known.term) : copy
      } catch {
        known.claimed = true // bytes that are no list are replaced without waiting for a claim
      }
    if (claim && known.claimed && isYoung(known, claim.youngMs)) {
      release(key, claim)
      known.claimed = false
    }
    return known
  }
  const isYoung = ({ copy, epoch }: Known<T>, youngMs: number): boolean =>
    copy !== undefined && copy.epoch === epoch && memory.ageOf(copy) < youngMs

  /** Waits until this instance is to load the list, or another has loaded it. */
  const waitForClaim = async (
    key: string,
    context: CallContext,
    claim: Claim,
    first: Known<T> | undefined,
  ): Promise<Known<T>> => {
    // An instance that lost the store may not ask ChatHub for a while, so the store's return is worth a wait.
    const awayUntil = clock.now() + (coherence.expected() > 1 ? storeBackMs : 0)
    for (let known = first; ; known = undefined) {
      known ??= await readThroughStore(key, claim)
      if (isUndisturbed(key, known)) {
        const isOver = known.claimed ?? clock.now() >= awayUntil
        if (isOver || isYoung(known, claim.youngMs)) return known
        await pause(clock, claimAgainMs[claim.urgency])
      }
      if (clock.now() >= context.deadline) throw new Failure('chathub.timeout', { retryAfterMs: 1000 })
    }
  }

  /** Asks ChatHub until no write invalidates the answer. The third answer is returned and not kept. */
  const fetchUpstream = async (
    key: string,
    context: CallContext,
    claim: Claim,
    known: Known<T>,
  ): Promise<Copy<T>> => {
    for (let attempt = 1; ; attempt++) {
      const loaded = await options.load(key, context, memory.get(key)?.value)
      const copy: Copy<T> = { ...loaded, epoch: known.epoch ?? 'unconfirmed', isOwn: true }
      // An answer that a notice invalidated must not be found by other instances either.
      let isValid = isUndisturbed(key, known)
      if (isValid && known.epoch !== undefined && known.claimed !== undefined)
        try {
          isValid = await store.fill(key, memory.toStore(copy), keepMs(times))
          if (isValid) known.claimed = false
        } catch {
          // It is kept here alone.
        }
      if (isValid && isUndisturbed(key, known))
        return memory.keep(key, copy, known.epoch === undefined ? undefined : known.term)
      report({ name: 'load-invalidated', list })
      if (attempt === attemptsMax) return copy
      Object.assign(known, await readThroughStore(key, claim))
      if (known.copy && isYoung(known, claim.youngMs)) return known.copy
    }
  }

  /**
   * What other instances load is not new enough for a new load, so it does not wait for them. One for a write, of a list
   * whose epoch is known by a current copy, does not look at the store. It claims nothing and stores nothing.
   */
  const claimNew = async (key: string, claim: Claim, forWrite: boolean): Promise<Known<T>> => {
    const copy = forWrite ? memory.current(key) : undefined
    if (!copy) return readThroughStore(key, claim)
    const [generation, term] = [memory.generation(key), coherence.leaseTerm()]
    return { copy, epoch: copy.epoch, claimed: undefined, generation, term }
  }

  const claimAndFetch = async (
    key: string,
    context: CallContext,
    { isNew, forWrite = false, known: first, youngMs = times.freshMs }: LoadOptions<T>,
  ): Promise<Copy<T>> => {
    const claim = claimOf(context, isNew ? 0 : youngMs, 'young')
    // A load that ended since the reader looked has the list.
    const own = memory.current(key)
    if (own && memory.ageOf(own) < claim.youngMs) return own
    const known = await (isNew ? claimNew(key, claim, forWrite) : waitForClaim(key, context, claim, first))
    if (known.copy && isYoung(known, claim.youngMs)) return known.copy
    const renew = (): void => void store.read(key, claim).catch(() => {})
    const stopRenewing = known.claimed ? every(clock, claimMs / 3, renew) : undefined
    try {
      return await fetchUpstream(key, context, claim, known)
    } catch (error) {
      if (isFailure(error, 'chathub.forbidden'))
        refused.set(key, { failure: error, until: clock.now() + forbiddenMs })
      if (isFailure(error, 'organization.unknown')) memory.delete(key)
      throw error
    } finally {
      stopRenewing?.()
      if (known.claimed) release(key, claim)
    }
  }

  return {
    readThroughStore,
    /** The same for a reader. If there is no copy to serve at once, it claims the load that the reader will wait for. */
    lookUp: (key: string, context: CallContext): Promise<Known<T>> => {
      const servedAtOnceMs = Math.min(times.freshMs + times.revalidateMs, keepMs(times))
      return readThroughStore(key, refusalOf(key) ? undefined : claimOf(context, servedAtOnceMs, 'any'))
    },
    /** The running load, or a new one. */
    loadOnce: (
      key: string,
      context: CallContext,
      load: LoadOptions<T> = {},
    ): { promise: Promise<Copy<T>>; collapsed: boolean } => {
      const failure = refusalOf(key)
      if (failure) return { promise: Promise.reject(failure), collapsed: false }
      return flights.join(key, urgencyOf(context), () => claimAndFetch(key, context, load))
    },
    detach: flights.detach,
  }
}
