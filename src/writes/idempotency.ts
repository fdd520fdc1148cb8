import { hash, randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { minterOf } from '../access/caller.ts'
import { type Clock, every } from '../clock.ts'
import type { NameToErase } from '../contract/audit.ts'
import { Failure, type FailureCode, isFailure } from '../errors.ts'
import type { Quotas, Thing } from '../redis/quotas.ts'
import type { Records } from '../redis/records.ts'
import { withoutNameIn } from './erase-names.ts'

/** One use of an Idempotency-Key: its client and route, and a hash of everything the request asks for. */
type KeyUse = { client: string; route: string; key: string; fingerprint: string }

type Kept<A> = { fingerprint: string; requestKey: string; answer?: A }

/** What a repetition may be answered with. */
type Repetition<A> = {
  /** Whether a stored answer may still be shown. */
  mayShow?(answer: A): boolean
  /** The answer for what an earlier run began and did not end, if there is such a thing. */
  begun?(requestKey: string): Promise<A | undefined>
}

export type Idempotency<A> = {
  /**
   * Runs `work` once per key; a repetition gets the same answer. There may be no answer to show: the process was killed,
   * the write goes on, or it held tokens. Then a repetition gets what was begun, or `work` runs again with the same
   * requestKey. Under that key it finds what it wrote, and writes nothing twice. A killed process keeps its key 2 s at
   * most.
   * @throws Failure `idempotency.in-flight`, `idempotency.mismatch`, `quota.exceeded`, `redis.unavailable`
   */
  run(
    use: KeyUse,
    work: (requestKey: string) => Promise<A>,
    repetition?: Repetition<A>,
  ): Promise<{ answer: A; replayed: boolean }>
  /** Replaces the name of an operator in stored answers. Returns in how many. @throws Failure `redis.unavailable` */
  eraseName(name: NameToErase): Promise<number>
}

const keyPrefix = 'idempotency:2:'
// A longer answer counts as one more record for each of these lengths.
const answerLength = 512
const keepMs = 24 * 3600 * 1000
/** Failures after which something may have been written. */
const mayHaveWritten = new Set<FailureCode>(['write.in-doubt', 'redis.unavailable'])

/** A new requestKey. It is a part of the id of the operation. */
export const newRequestKey = (): string => randomBytes(12).toString('base64url').replaceAll('-', '_')

// A run holds its key by a lease. When the process is killed, the lease ends by itself. A second run that begins while the
// first one is only slow does no harm, because both write under one requestKey.
const leaseMs = 2000
const renewMs = 500
const findMax = 3

/**
 * The record of a key, or `mine` where there is none. A run that fails may remove its record between the two.
 * @throws Failure `idempotency.mismatch`, `idempotency.in-flight`, `redis.unavailable`
 */
const findOrPut = async <A>(records: Records, name: string, mine: Kept<A>): Promise<Kept<A>> => {
  for (let attempt = 0; attempt < findMax; attempt++) {
    if (await records.putNew(name, mine, keepMs)) return mine
    const found = (await records.get(name)) as Kept<A> | undefined
    if (found && found.fingerprint !== mine.fingerprint) throw new Failure('idempotency.mismatch')
    if (found) return found
  }
  throw new Failure('idempotency.in-flight', { retryAfterMs: 1000 })
}

export const createIdempotency = <A>(options: {
  records: Records
  quotas: Quotas
  storage(): { state: string }
  clock: Clock
  storable: (answer: A) => boolean
}): Idempotency<A> => {
  const { records, quotas, storage, clock, storable } = options
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
    run: async ({ client, route, key, fingerprint }, work, { mayShow = () => true, begun } = {}) => {
      const digest = hash('sha256', JSON.stringify([client, route, key]), 'base64url')
      const [name, lease] = [keyPrefix + digest, `idempotency-lease:1:${digest}`]
      const counted: Thing = {
        kind: 'idempotency-keys',
        client: minterOf(client),
        id: digest.slice(-16),
        keepMs,
      }
      // An answer that is not kept is found again under the requestKey.
      const keep = async (record: Kept<A>): Promise<void> => {
        const weight = Math.floor(JSON.stringify(record).length / answerLength)
        if (weight > 0 && storage().state === 'full') return
        if (weight > 0) await quotas.take([{ ...counted, id: `${counted.id} answer`, weight }])
        await records.put(name, record, keepMs)
      }
      const runOnce = async (record: Kept<A>, mayFree: boolean): Promise<A> => {
        try {
          const answer = await work(record.requestKey)
          if (storable(answer)) await keep({ ...record, answer }).catch(() => {})
          return answer
        } catch (error) {
          // Only a first run that wrote nothing frees its key: an earlier run may have written under the requestKey.
          const wroteNothing = isFailure(error) && !error.inDoubt && !mayHaveWritten.has(error.code)
          if (mayFree && wroteNothing) {
            await records.take(name).catch(() => {})
            await quotas.release([counted]).catch(() => {})
          }
          throw error
        }
      }
      const mine: Kept<A> = { fingerprint, requestKey: newRequestKey() }
      await quotas.take([counted])
      const isAnswered = ({ answer }: Kept<A>) => answer !== undefined && mayShow(answer)
      let kept = await findOrPut(records, name, mine)
      if (isAnswered(kept)) return { answer: kept.answer as A, replayed: true }
      if (!(await records.putNew(lease, 1, leaseMs)))
        throw new Failure('idempotency.in-flight', { retryAfterMs: 1000 })
      const stop = every(clock, renewMs, () => void records.replace(lease, 1, leaseMs).catch(() => {}))
      try {
        if (kept !== mine) kept = await findOrPut(records, name, mine) // an earlier run may have ended between the two
        if (isAnswered(kept)) return { answer: kept.answer as A, replayed: true }
        const isFirst = kept === mine
        const running = isFirst ? undefined : await begun?.(kept.requestKey)
        return { answer: running ?? (await runOnce(kept, isFirst)), replayed: !isFirst }
      } finally {
        stop()
        await records.take(lease).catch(() => {})
      }
    },
  }
}
