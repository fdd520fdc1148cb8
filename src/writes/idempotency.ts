import { hash, randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../clock.ts'
import type { NameToErase } from '../contract/audit.ts'
import { Failure, type FailureCode, isFailure } from '../errors.ts'
import type { Records } from '../redis/records.ts'
import { withoutNameIn } from './erase-names.ts'

/** One use of an Idempotency-Key: its client and route, and a hash of everything the request asks for. */
type KeyUse = { client: string; route: string; key: string; fingerprint: string }

/** `startedAt`: when the request began, epoch ms; 0: it has ended. */
type Kept<A> = { fingerprint: string; requestKey: string; startedAt: number; answer?: A }

export type Idempotency<A> = {
  /**
   * Runs `work` once per key; a repetition gets the same answer. If no answer was kept (the process was killed, or it held
   * tokens) or it may not be shown, `work` runs again with the same requestKey. Under that key it finds what it wrote, and
   * writes nothing twice.
   * @throws Failure `idempotency.in-flight`, `idempotency.mismatch`, `redis.unavailable`
   */
  run(
    use: KeyUse,
    work: (requestKey: string) => Promise<A>,
    mayShow?: (answer: A) => boolean,
  ): Promise<{ answer: A; replayed: boolean }>
  /** Replaces the name of an operator in stored answers. Returns in how many. @throws Failure `redis.unavailable` */
  eraseName(name: NameToErase): Promise<number>
}

const keyPrefix = 'idempotency:1:'
const keepMs = 24 * 3600 * 1000
/** Failures after which something may have been written. */
const mayHaveWritten = new Set<FailureCode>(['write.in-doubt', 'redis.unavailable'])

/** A new requestKey. It is a part of the id of the operation. */
export const newRequestKey = (): string => randomBytes(12).toString('base64url').replaceAll('-', '_')

/** `abandonedMs`: a request that began longer ago than this is not running any more. */
export const createIdempotency = <A>(options: {
  records: Records
  clock: Clock
  storable: (answer: A) => boolean
  abandonedMs: number
}): Idempotency<A> => {
  const { records, clock, storable, abandonedMs } = options
  return {
    eraseName: async (name) => {
      let erased = 0
      await records.rewrite(keyPrefix, (record) => {
        const next = withoutNameIn(record, name)
        if (isDeepStrictEqual(next, record)) return undefined
        erased++
        return next
      })
      return erased
    },
    run: async ({ client, route, key, fingerprint }, work, mayShow = () => true) => {
      const name = `${keyPrefix}${hash('sha256', JSON.stringify([client, route, key]), 'base64url')}`
      const put = (record: Kept<A>) => records.put(name, record, keepMs)
      const runOnce = async (record: Kept<A>, isFirst: boolean): Promise<A> => {
        const ended = { ...record, startedAt: 0 }
        try {
          const answer = await work(record.requestKey)
          await put(storable(answer) ? { ...ended, answer } : ended).catch(() => {})
          return answer
        } catch (error) {
          // Only a first run that wrote nothing frees its key: an earlier run may have written under the requestKey.
          const wroteNothing = isFailure(error) && !error.inDoubt && !mayHaveWritten.has(error.code)
          await (isFirst && wroteNothing ? records.take(name) : put(ended)).catch(() => {})
          throw error
        }
      }
      const mine: Kept<A> = { fingerprint, requestKey: newRequestKey(), startedAt: clock.wall() }
      if (await records.putNew(name, mine, keepMs))
        return { answer: await runOnce(mine, true), replayed: false }
      const kept = ((await records.get(name)) ?? mine) as Kept<A>
      if (kept.fingerprint !== fingerprint) throw new Failure('idempotency.mismatch')
      if (kept.answer !== undefined && mayShow(kept.answer)) return { answer: kept.answer, replayed: true }
      if (kept.startedAt !== 0 && clock.wall() - kept.startedAt < abandonedMs)
        throw new Failure('idempotency.in-flight', { retryAfterMs: 1000 })
      const again = { ...kept, startedAt: clock.wall() }
      await put(again)
      return { answer: await runOnce(again, false), replayed: true }
    },
  }
}
