import { LRUCache } from 'lru-cache'
import type { CallContext } from '../chathub/exchange.ts'
import { type Clock, pause } from '../clock.ts'
import { Failure, isFailure } from '../errors.ts'
import { type Coherence, singleInstance } from './coherence.ts'
import { keepMs, stateAt } from './entry.ts'
import { createLoader, type LoaderOptions } from './loader.ts'
import { type Copy, createMemory } from './memory.ts'

export type { Copy, Loaded } from './memory.ts'

/** How an answer came about, for Age and Cache-Status (RFC 9211). */
export type Freshness = {
  ageMs: number
  /** What is left of its freshness; negative: served old. */
  ttlMs: number
  how: 'hit' | 'stale' | 'stale-after-failure' | 'loaded' | 'collapsed'
  /** Status of the failed try, for `stale-after-failure`. */
  failedStatus?: number
}
export type Read<T> = { copy: Copy<T>; freshness: Freshness }

/** `notBefore`: only a list whose request left at or after this instant (monotonic ms) will do. */
export type ReadOptions = { notBefore?: number | undefined }

export type Cache<T> = {
  /** The fresh copy, at once, or undefined: the fast way of nearly every read. */
  peek(key: string): Read<T> | undefined
  /** @throws Failure when there is no copy that may be served and no new one can be had by the context's deadline. */
  read(key: string, context: CallContext, options?: ReadOptions): Promise<Read<T>>
  /** Any copy that is remembered here, however old; for looking things up, never for serving. */
  remembered(key: string): Copy<T> | undefined
  /**
   * A write changed the list: from here on no instance serves the older one as fresh. `patched`, what the write made of
   * a copy, replaces it at no cost; without it ChatHub is asked next. @throws Failure `write.in-doubt` while Redis is away
   */
  commit(key: string, patched?: Copy<T>): Promise<void>
  /** Nothing older than now is served again. Without a key: every list. */
  purge(key?: string): Promise<void>
  size(): { lists: number; bytes: number }
}

type Options<T> = Omit<LoaderOptions<T>, 'memory' | 'coherence'> & { coherence?: Coherence }

// A refresh that failed is tried again no sooner.
const refreshAgainMs = 1000

/** The reading side: memory, then the store, then one load for all who wait. */
export const createCache = <T>(options: Options<T>): Cache<T> => {
  const { clock, coherence = singleInstance, list, report, store, times } = options
  const memory = createMemory<T>(clock, coherence)
  const loading = createLoader<T>({ ...options, coherence, memory })
  const { readThroughStore, join } = loading
  const { ageOf } = memory

  const answer = (
    copy: Copy<T>,
    how: Freshness['how'],
    failedStatus?: number,
    ageMs = ageOf(copy),
  ): Read<T> => {
    report({
      name: 'cache',
      list,
      event: how === 'loaded' ? 'miss' : how === 'stale-after-failure' ? 'stale' : how,
    })
    // A copy that nobody can vouch for is served as old, however young.
    const old = how === 'stale' || how === 'stale-after-failure'
    const ttlMs = old ? Math.min(times.freshMs - ageMs, -1000) : times.freshMs - ageMs
    return { copy, freshness: { ageMs, ttlMs, how, failedStatus } }
  }

  const failedRefreshes = new LRUCache<string, number>({ max: 10_000 })
  const refreshBehind = (key: string, context: CallContext): void => {
    const failedAt = failedRefreshes.get(key)
    if (failedAt !== undefined && clock.now() - failedAt < refreshAgainMs) return
    const behind: CallContext = {
      lane: 'refreshes',
      client: context.client,
      deadline: clock.now() + Math.max(30_000, times.freshMs),
    }
    join(key, behind).promise.catch((error) => {
      failedRefreshes.set(key, clock.now())
      report({ name: 'refresh-failed', list, because: isFailure(error) ? error.code : String(error) })
    })
  }

  /** Who joined a load after it began counts on notices; without a lease the list may be older than its question. */
  const isTrusted = (key: string, copy: Copy<T>, since: number): boolean =>
    copy.askedAt >= since || memory.current(key) === copy

  /** A new answer by the deadline, or the failure. */
  const fetchNew = async (key: string, context: CallContext, notBefore?: number): Promise<Read<T>> => {
    let hurried = false
    for (;;) {
      const since = clock.now()
      const { promise, collapsed } = join(key, context, notBefore !== undefined)
      try {
        const copy = await within(clock, promise, context.deadline - clock.now())
        if (!copy) throw new Failure('chathub.timeout', { retryAfterMs: 1000 })
        // A load that had left before this reader came is not new enough for it; the next one is.
        if (notBefore === undefined || copy.askedAt >= notBefore)
          return answer(copy, !collapsed ? 'loaded' : isTrusted(key, copy, since) ? 'collapsed' : 'stale')
      } catch (error) {
        // It ran out of its first reader's time, not of this one's.
        const again = collapsed && !hurried && clock.now() < context.deadline
        if (!again || !isFailure(error, 'queue.full', 'chathub.timeout')) throw error
        hurried = true
      }
    }
  }

  /** A new answer, or the copy of a store that was away for a moment when it was asked first. */
  const fetchOr = async (key: string, context: CallContext): Promise<Read<T>> => {
    try {
      return await fetchNew(key, context)
    } catch (error) {
      if (!isFailure(error) || error.code === 'organization.unknown') throw error
      const { copy } = await readThroughStore(key)
      if (!copy || stateAt(ageOf(copy), times) === 'expired') throw error
      return answer(copy, 'stale-after-failure', error.status)
    }
  }

  /** The old copy when no new one comes in `waitMs`. */
  const renewOr = async (
    key: string,
    context: CallContext,
    old: Copy<T>,
    waitMs: number,
  ): Promise<Read<T>> => {
    const since = clock.now()
    const { promise, collapsed } = join(key, context)
    try {
      const renewed = await within(clock, promise, Math.min(waitMs, context.deadline - clock.now()))
      if (!renewed) return answer(old, 'stale')
      return answer(renewed, !collapsed ? 'loaded' : isTrusted(key, renewed, since) ? 'collapsed' : 'stale')
    } catch (error) {
      // Gone is gone: an old copy of what does not exist any more would be a lie.
      if (!isFailure(error) || error.code === 'organization.unknown') throw error
      return answer(old, 'stale-after-failure', error.status)
    }
  }

  const peek = (key: string): Read<T> | undefined => {
    const copy = memory.current(key)
    if (!copy) return undefined
    const ageMs = ageOf(copy)
    return ageMs < times.freshMs ? answer(copy, 'hit', undefined, ageMs) : undefined
  }

  const read = async (
    key: string,
    context: CallContext,
    { notBefore }: ReadOptions = {},
  ): Promise<Read<T>> => {
    if (notBefore !== undefined) return fetchNew(key, context, notBefore)
    let copy = memory.current(key)
    let epoch: string | undefined = copy?.epoch
    // No copy, or one that lost its trust, is first held against the store.
    if (!copy || stateAt(ageOf(copy), times) === 'expired') ({ copy, epoch } = await readThroughStore(key))
    if (!copy && epoch === undefined) return fetchOr(key, context)
    if (!copy) return fetchNew(key, context)
    const state = stateAt(ageOf(copy), times)
    if (state === 'expired') return fetchNew(key, context)
    // Overtaken by a write: a new one is worth the whole wait.
    if (epoch !== undefined && copy.epoch !== epoch)
      return renewOr(key, context, copy, context.deadline - clock.now())
    if (state === 'fresh') return answer(copy, epoch === undefined ? 'stale' : 'hit')
    if (state === 'wait') return renewOr(key, context, copy, times.waitMs)
    refreshBehind(key, context)
    return answer(copy, 'stale')
  }

  /** Gives the list a new epoch and tells the other instances; coherence.ts says why nothing older is fresh after. */
  const overwrite = async (key: string, patched: Copy<T> | 'drop' | undefined): Promise<void> => {
    const forget = (): void => forgetOne(key, patched === 'drop')
    forget()
    const term = coherence.leaseTerm()
    const generation = memory.generation(key)
    const copy = typeof patched === 'object' ? memory.toStore(patched) : patched
    const { epoch, kept } = await store.bump(key, copy, keepMs(times))
    // A purge, or another's notice, may have come before the answer to our own bump: then ours is the older one.
    const undisturbed = generation === memory.generation(key)
    forget() // a reader may have found the older copy in the store between
    if (kept && undisturbed && typeof patched === 'object') memory.keep(key, { ...patched, epoch }, term)
    await coherence.announce(`${patched === 'drop' ? 'drop' : 'old'} ${key}`)
  }
  const forgetOne = (key: string, drop: boolean): void => {
    memory.invalidate(key, drop)
    loading.detach(key)
  }
  const forgetAll = (): void => {
    memory.invalidateAll()
    loading.detach()
  }
  coherence.onNotice((notice) => {
    const [what = '', key = ''] = notice.split(' ')
    if (!key.startsWith(list)) return
    if (what === 'all') forgetAll()
    else forgetOne(key, what === 'drop')
  })
  /** First nothing that was loaded before is kept any more, then what was kept goes, then what was read meanwhile. */
  const purgeAll = async (): Promise<void> => {
    const announce = (): Promise<void> => {
      forgetAll()
      return coherence.announce(`all ${list}`)
    }
    await announce()
    for (const key of await store.keys(list)) await store.bump(key, 'drop', keepMs(times))
    await announce()
  }

  return {
    peek,
    read,
    remembered: memory.get,
    commit: (key, patched) =>
      overwrite(key, patched).catch((cause) => {
        // ChatHub took the write, but who else serves the older list is not known: that is doubt, not refusal.
        throw new Failure('write.in-doubt', { inDoubt: true, cause })
      }),
    purge: (key) => (key === undefined ? purgeAll() : overwrite(key, 'drop')),
    size: memory.size,
  }
}

/** The promise's outcome, or undefined after `ms`. */
const within = async <V>(clock: Clock, promise: Promise<V>, ms: number): Promise<V | undefined> => {
  const timer = new AbortController()
  const timeout = pause(clock, ms, timer.signal).then(() => undefined)
  promise.catch(() => {}) // it may fail after nobody waits any more
  try {
    return await Promise.race([promise, timeout])
  } finally {
    timer.abort()
  }
}
