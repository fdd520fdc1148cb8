import { createHash, randomBytes } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { Failure, type FailureCode, isFailure } from '../errors.ts'
import type { Records } from '../redis/records.ts'

/** One use of an Idempotency-Key: whose, where, and a hash of everything the request asks for. */
type KeyUse = { client: string; route: string; key: string; fingerprint: string }

/**
 * A stored record. `mark`: the request key, in the name of the first release; the same for every repetition.
 * `at`: when the request began, epoch ms; 0: it has ended.
 */
type Kept<A> = { fingerprint: string; mark: string; at: number; answer?: A }

export type Idempotency<A> = {
  /**
   * Runs `work` once per key; a repetition gets the same answer. Where no answer was kept (the process was killed, or it
   * held tokens) `work` runs again with the same requestKey, under which it finds what it wrote and writes nothing twice.
   * So it does where the kept answer may not be shown.
   * @throws Failure `idempotency.in-flight`, `idempotency.mismatch`, `redis.unavailable`
   */
  run(
    use: KeyUse,
    work: (requestKey: string) => Promise<A>,
    mayShow?: (answer: A) => boolean,
  ): Promise<{ answer: A; replayed: boolean }>
}

const keepMs = 24 * 3600 * 1000
/** Failures that say nothing of what was written before them. */
const mayHaveWritten = new Set<FailureCode>(['write.in-doubt', 'redis.unavailable'])

/** A requestKey of its own for a request without a key. */
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
    run: async (use, work, mayShow = () => true) => {
      const id = JSON.stringify([use.client, use.route, use.key])
      const name = `idempotency:${createHash('sha256').update(id).digest('base64url')}`
      const run = async (kept: Kept<A>, first: boolean): Promise<A> => {
        try {
          const answer = await work(kept.mark)
          await records
            .put(name, { ...kept, at: 0, ...(storable(answer) && { answer }) }, keepMs)
            .catch(() => {})
          return answer
        } catch (error) {
          // Only what surely wrote nothing frees its key. What an earlier run wrote stands under the requestKey, however this one failed.
          const clean = first && isFailure(error) && !error.inDoubt && !mayHaveWritten.has(error.code)
          await (clean ? records.take(name) : records.put(name, { ...kept, at: 0 }, keepMs)).catch(() => {})
          throw error
        }
      }
      const mine: Kept<A> = { fingerprint: use.fingerprint, mark: newRequestKey(), at: clock.wall() }
      if (await records.putNew(name, mine, keepMs)) return { answer: await run(mine, true), replayed: false }
      const kept = ((await records.get(name)) ?? mine) as Kept<A>
      if (kept.fingerprint !== use.fingerprint) throw new Failure('idempotency.mismatch')
      if (kept.answer !== undefined && mayShow(kept.answer)) return { answer: kept.answer, replayed: true }
      if (kept.at !== 0 && clock.wall() - kept.at < abandonedMs)
        throw new Failure('idempotency.in-flight', { retryAfterMs: 1000 })
      const again = { ...kept, at: clock.wall() }
      await records.put(name, again, keepMs)
      return { answer: await run(again, false), replayed: true }
    },
  }
}
