import type { CallContext } from '../chathub/exchange.ts'
import { within } from '../clock.ts'
import { Failure, isFailure } from '../errors.ts'
import { type Coherence, singleInstance } from './coherence.ts'
import { keepMs, stateAt } from './entry.ts'
import { type Freshness, type Read, told } from './freshness.ts'
import { createLoader, type Known, type LoaderOptions } from './loader.ts'
import { type Copy, createMemory } from './memory.ts'
import type { Refreshed, Refresher } from './refresher.ts'

export type { Freshness, Read } from './freshness.ts'
export type { Copy, Loaded } from './memory.ts'

/**
 * `notBefore`: only a list whose request left for ChatHub at or after this instant (monotonic ms). `forWrite`: the list is
 * about to be changed. The commit stores it for the other instances, so the load need not.
 */
export type ReadOptions = { notBefore?: number | undefined; forWrite?: boolean }

export type Cache<T> = {
  /** The fresh copy, at once, or undefined. */
  peek(key: string): Read<T> | undefined
  /** @throws Failure when no copy may be served and no new one came by the context's deadline */
  read(key: string, context: CallContext, options?: ReadOptions): Promise<Read<T>>
  /** The copy in memory, however old; for looking things up, never for serving. */
  remembered(key: string): Copy<T> | undefined
  /**
   * Reports that a write changed the list. When it resolves, no instance serves the older list as fresh. `patched`, a
   * copy with the write applied, replaces the older one; without it ChatHub is asked next.
   * @throws Failure `write.in-doubt` while Redis is away
   */
  commit(key: string, patched?: Copy<T>): Promise<void>
  /** Removes the list, or every list, from all instances. */
  purge(key?: string): Promise<void>
  size(): { lists: number; bytes: number }
} & Refreshed

type Options<T> = Omit<LoaderOptions<T>, 'memory' | 'coherence'> & {
  coherence?: Coherence
  /** Is told of reads, and calls `refresh`. */
  refresher: Pick<Refresher, 'counted' | 'foundOld'>
}

/** The reading side: memory first, then the store, then one load for all who wait. */
export const createCache = <T>(options: Options<T>): Cache<T> => {
  const { clock, coherence = singleInstance, list, refresher, report, store, times } = options
  const tell = (how: Freshness['how'], isReader: boolean, reads: number, ageMs: number): void => {
    const [event, served] = told[how]
    report({ name: 'cache', list, event, served: isReader ? served : undefined, reads, ageMs })
  }
  const counted = (key: string, reads: number, ageMs: number): void => {
    tell('hit', true, reads, ageMs)
    refresher.counted(key, reads)
  }
  const memory = createMemory<T>(clock, coherence, counted)
  const { detach, loadOnce, lookUp, readThroughStore } = createLoader<T>({ ...options, coherence, memory })
  const { ageOf } = memory

  const answer = (copy: Copy<T>, how: Freshness['how'], failedStatus?: number): Read<T> => {
    const ageMs = ageOf(copy)
    // A copy that is not trusted is served as stale, however young it is.
    const ttlMs = told[how][0] === 'stale' ? Math.min(times.freshMs - ageMs, -1000) : times.freshMs - ageMs
    return { copy, freshness: { ageMs, ttlMs, how, failedStatus } }
  }
  /**
   * The answer to a reader who waited since then. One that joined a running load gets its copy as fresh if memory trusts
   * that copy. The same goes if the request left after the reader came. Else a write may have come between (case b).
   */
  const answerLoaded = (key: string, copy: Copy<T>, collapsed: boolean, since: number): Read<T> => {
    const isTrusted = !collapsed || copy.askedAt >= since || memory.current(key) === copy
    return answer(copy, !isTrusted ? 'stale' : collapsed ? 'collapsed' : 'loaded')
  }

  /** A new copy by the deadline, or the failure. */
  const fetchNew = async (
    key: string,
    context: CallContext,
    { notBefore, forWrite = false, known: first }: ReadOptions & { known?: Known<T> | undefined },
  ): Promise<Read<T>> => {
    let hasRepeated = false
    for (let known = first; ; known = undefined) {
      const since = clock.now()
      const { promise, collapsed } = loadOnce(key, context, {
        isNew: notBefore !== undefined,
        forWrite,
        known,
      })
      try {
        const copy = await within(clock, promise, context.deadline - clock.now())
        if (!copy) throw new Failure('chathub.timeout', { retryAfterMs: 1000 })
        // A load that left before this reader came is not new enough. The next one is.
        if (notBefore === undefined || copy.askedAt >= notBefore)
          return answerLoaded(key, copy, collapsed, since)
      } catch (error) {
        // The load ran out of the time of its first reader. This one has time left.
        const mayRepeat = collapsed && !hasRepeated && clock.now() < context.deadline
        if (!mayRepeat || !isFailure(error, 'queue.full', 'chathub.timeout')) throw error
        hasRepeated = true
      }
    }
  }

  /** A new copy. If that fails, the copy of a store that was away when it was read first. */
  const fetchOrReadAgain = async (key: string, context: CallContext, known: Known<T>): Promise<Read<T>> => {
    try {
      return await fetchNew(key, context, { known })
    } catch (error) {
      if (!isFailure(error) || error.code === 'organization.unknown') throw error
      const { copy } = await readThroughStore(key)
      if (!copy || stateAt(ageOf(copy), times) === 'expired') throw error
      return answer(copy, 'stale-after-failure', error.status)
    }
  }

  /** A new copy within `waitMs`, or the old one. */
  const fetchOrServe = async (
    key: string,
    context: CallContext,
    waitMs: number,
    { old, known }: { old: Copy<T>; known: Known<T> | undefined },
  ): Promise<Read<T>> => {
    const since = clock.now()
    const { promise, collapsed } = loadOnce(key, context, { known })
    try {
      const copy = await within(clock, promise, Math.min(waitMs, context.deadline - clock.now()))
      return copy ? answerLoaded(key, copy, collapsed, since) : answer(old, 'stale')
    } catch (error) {
      // An old copy of an organization that no longer exists would be false.
      if (!isFailure(error) || error.code === 'organization.unknown') throw error
      return answer(old, 'stale-after-failure', error.status)
    }
  }

  const find: Cache<T>['read'] = async (key, context, readOptions = {}) => {
    if (readOptions.notBefore !== undefined) return fetchNew(key, context, readOptions)
    const current = memory.current(key)
    const isUsable = current && stateAt(ageOf(current), times) !== 'expired'
    // A copy that is not trusted is compared with the store before it is served.
    const known = isUsable ? undefined : await lookUp(key, context)
    const { copy, epoch } = known ?? { copy: current, epoch: current?.epoch }
    if (!copy && known && epoch === undefined) return fetchOrReadAgain(key, context, known)
    const state = copy ? stateAt(ageOf(copy), times) : 'expired'
    if (!copy || state === 'expired') return fetchNew(key, context, { known })
    // A write invalidated the copy, so a new one is worth the whole wait.
    const isInvalid = epoch !== undefined && copy.epoch !== epoch
    if (isInvalid || state === 'wait')
      return fetchOrServe(key, context, isInvalid ? Number.POSITIVE_INFINITY : times.waitMs, {
        old: copy,
        known,
      })
    if (state === 'fresh') return answer(copy, epoch === undefined ? 'stale' : 'hit')
    return answer(copy, 'revalidated')
  }
  const read: Cache<T>['read'] = async (key, context, readOptions) => {
    const found = await find(key, context, readOptions)
    const { how, ageMs } = found.freshness
    tell(how, context.lane === 'people', 1, ageMs)
    refresher.counted(key, 1)
    if (how === 'revalidated') refresher.foundOld(key)
    return found
  }
  const refresh: Cache<T>['refresh'] = async (key, context, isNew) => {
    try {
      if (isNew) return (await fetchNew(key, context, { notBefore: clock.now() })).copy
      // A copy of another instance that is a second newer is taken, however old, so that all go by one age.
      const own = memory.get(key)
      const youngMs = own ? Math.max(times.freshMs, ageOf(own) - 1000) : keepMs(times)
      return await loadOnce(key, context, { youngMs }).promise
    } catch (error) {
      report({ name: 'refresh-failed', list, because: isFailure(error) ? error.code : String(error) })
      throw error
    }
  }

  const forgetOne = (key: string, isDropped: boolean): void => {
    memory.invalidate(key, isDropped)
    detach(key)
  }
  const forgetAll = (): void => {
    memory.invalidateAll()
    detach()
  }
  coherence.onInvalidation((message) => {
    const [what = '', key = ''] = message.split(' ')
    if (!key.startsWith(list)) return
    if (what === 'all') forgetAll()
    else forgetOne(key, what === 'drop')
  })
  /** Gives the list a new epoch and tells the other instances. */
  const overwrite = async (key: string, patched: Copy<T> | 'drop' | undefined): Promise<void> => {
    const forget = (): void => forgetOne(key, patched === 'drop')
    forget()
    const term = coherence.leaseTerm()
    const generation = memory.generation(key)
    const copy = typeof patched === 'object' ? memory.toStore(patched) : patched
    const { epoch, kept } = await store.bump(key, copy, keepMs(times))
    // A purge, or the message of another write, may have come before this answer: then this copy is the older (case c).
    const isUndisturbed = generation === memory.generation(key)
    forget() // a reader may have found the older copy in the store meanwhile
    if (kept && isUndisturbed && typeof patched === 'object') memory.keep(key, { ...patched, epoch }, term)
    await coherence.announce(`${patched === 'drop' ? 'drop' : 'old'} ${key}`)
  }
  const purgeAll = async (): Promise<void> => {
    const announce = (): Promise<void> => {
      forgetAll()
      return coherence.announce(`all ${list}`)
    }
    await announce() // from here on nothing loaded before is kept
    for (const key of await store.keys(list)) await store.bump(key, 'drop', keepMs(times))
    await announce() // and what was read from the store meanwhile is forgotten
  }

  return {
    peek: (key) => {
      const kept = memory.keptCurrent(key)
      if (!kept) return undefined
      const ageMs = ageOf(kept.copy)
      if (ageMs >= times.freshMs) return undefined
      kept.reads++
      return { copy: kept.copy, freshness: { ageMs, ttlMs: times.freshMs - ageMs, how: 'hit' } }
    },
    read,
    refresh,
    freshMs: times.freshMs,
    visit: memory.visit,
    remembered: memory.get,
    commit: (key, patched) =>
      overwrite(key, patched).catch((cause) => {
        // ChatHub took the write, and whether others serve the older list is not known. That is doubt, not a refusal.
        throw new Failure('write.in-doubt', { inDoubt: true, cause })
      }),
    purge: (key) => (key === undefined ? purgeAll() : overwrite(key, 'drop')),
    size: memory.size,
  }
}
