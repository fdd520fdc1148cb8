import { LRUCache } from 'lru-cache'
import type { CallContext } from '../chathub/exchange.ts'
import { type Clock, every, pause } from '../clock.ts'
import { Failure, isFailure } from '../errors.ts'
import type { Reporter } from '../report.ts'
import type { Coherence } from './coherence.ts'
import { keepMs, type Times } from './entry.ts'
import type { Copy, Loaded, Memory } from './memory.ts'
import { createSingleFlight, type Urgency } from './single-flight.ts'
import type { Store } from './store.ts'

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
  /** Back from bytes; throws when they are not what was stored. */
  decode(bytes: Buffer): T
}

// A definite refusal of one list is worth remembering for a while.
const forbiddenMs = 5000
const overtakenMax = 3
// An instance that dies while it loads costs the others this much; one that lives renews its claim in time.
const claimMs = 2000
const claimPollMs: Record<Urgency, number> = { ahead: 30, behind: 250 }
const storeBackMs = 1000

/** How lists get into memory: out of the store, or from ChatHub by one load for all who wait, on all instances. */
export const createLoader = <T>(options: LoaderOptions<T>) => {
  const { clock, coherence, list, memory, report, store, times } = options
  const flights = createSingleFlight<Copy<T>>()
  const refused = new LRUCache<string, { failure: Failure; until: number }>({ max: 10_000 })
  const urgencyOf = ({ lane }: CallContext): Urgency =>
    lane === 'refreshes' || lane === 'imports' ? 'behind' : 'ahead'

  /**
   * What the store knows: the better of its copy and ours. `epoch` is undefined while the store is away; a copy of
   * another epoch was overtaken by a write.
   */
  const readThroughStore = async (
    key: string,
  ): Promise<{ copy: Copy<T> | undefined; epoch: string | undefined }> => {
    const generation = memory.generation(key)
    const term = coherence.leaseTerm()
    const readAt = clock.now()
    try {
      const { stored, epoch } = await store.read(key)
      const own = memory.get(key)
      if (generation !== memory.generation(key)) return { copy: own, epoch }
      const storedAt = stored && readAt - stored.ageMs
      if (own?.epoch === epoch && (!stored || stored.epoch !== epoch || (storedAt as number) <= own.askedAt))
        return { copy: memory.keep(key, own, term), epoch }
      if (!stored) return { copy: own, epoch }
      const copy = {
        value: options.decode(stored.bytes),
        bytes: stored.bytes,
        epoch: stored.epoch,
        askedAt: storedAt as number,
      }
      return { copy: copy.epoch === epoch ? memory.keep(key, copy, term) : copy, epoch }
    } catch {
      // Away, or a value that is not ours: both are a miss. The store has reported it.
      return { copy: memory.get(key), epoch: undefined }
    }
  }

  /**
   * Waits for the right to load for all instances, and looks once more: the fresh copy that another has just loaded, or
   * undefined, and it is ours to load.
   */
  const claim = async (key: string, context: CallContext): Promise<Copy<T> | undefined> => {
    const urgency = urgencyOf(context)
    // Of several instances none may ask ChatHub for a while without the store, so its way back is worth waiting for.
    const awayUntil = clock.now() + (coherence.expected() > 1 ? storeBackMs : 0)
    for (;;) {
      const ours = await store.claim(key, urgency, claimMs).catch(() => undefined)
      if (ours || (ours === undefined && clock.now() >= awayUntil)) break
      if (clock.now() >= context.deadline) throw new Failure('chathub.timeout', { retryAfterMs: 1000 })
      await pause(clock, claimPollMs[urgency])
    }
    const { copy, epoch } = await readThroughStore(key)
    if (!copy || copy.epoch !== epoch || memory.ageOf(copy) >= times.freshMs) return undefined
    store.release(key, urgency).catch(() => {})
    return copy
  }
  const keepClaim = (key: string, context: CallContext): (() => void) => {
    const urgency = urgencyOf(context)
    const stop = every(clock, claimMs / 3, () => {
      store.claim(key, urgency, claimMs).catch(() => {})
    })
    return () => {
      stop()
      store.release(key, urgency).catch(() => {})
    }
  }

  /** Asks ChatHub until an answer comes that no write overtook; the third is given out but not kept. */
  const ask = async (key: string, context: CallContext): Promise<Copy<T>> => {
    for (let attempt = 1; ; attempt++) {
      const generation = memory.generation(key)
      const term = coherence.leaseTerm()
      const epoch = await store.read(key).then(
        (known) => known.epoch,
        () => undefined,
      )
      const loaded = await options.load(key, context, memory.get(key)?.value)
      const copy: Copy<T> = { ...loaded, epoch: epoch ?? 'unconfirmed' }
      const stored = memory.toStore(copy)
      // What a notice overtook on its way here must not be found by others either.
      const current = (): boolean => generation === memory.generation(key)
      const kept =
        epoch === undefined || (current() && (await store.fill(key, stored, keepMs(times)).catch(() => true)))
      if (kept && current()) return memory.keep(key, copy, epoch === undefined ? undefined : term)
      report({ name: 'load-invalidated', list })
      if (attempt === overtakenMax) return copy
    }
  }

  const load = async (key: string, context: CallContext, alone: boolean): Promise<Copy<T>> => {
    const found = alone ? undefined : await claim(key, context)
    if (found) return found
    const release = alone ? undefined : keepClaim(key, context)
    try {
      return await ask(key, context)
    } catch (error) {
      if (isFailure(error, 'chathub.forbidden'))
        refused.set(key, { failure: error, until: clock.now() + forbiddenMs })
      if (isFailure(error, 'organization.unknown')) memory.delete(key)
      throw error
    } finally {
      release?.()
    }
  }

  return {
    readThroughStore,
    /** The running load, or a new one. `alone`: what other instances loaded will not do. */
    join: (
      key: string,
      context: CallContext,
      alone = false,
    ): { promise: Promise<Copy<T>>; collapsed: boolean } => {
      const refusal = refused.get(key)
      if (refusal && refusal.until > clock.now())
        return { promise: Promise.reject(refusal.failure), collapsed: false }
      return flights.join(key, urgencyOf(context), () => load(key, context, alone))
    },
    detach: flights.detach,
  }
}
