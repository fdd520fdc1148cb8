import { Failure } from '../../src/errors.ts'
import { createMemoryRecords, type Records } from '../../src/redis/records.ts'
import type { HandClock } from '../support/clock.ts'

export type TestRecords = Records & {
  /** While true every call fails as if Redis were away. */
  away: boolean
  /** Each call so far: the method and the kind of record, as in `get session`. */
  calls: string[]
  /** All keys and records that were put, as text. */
  stored(): string
}

/** Records in memory that can be away, and that remember what was asked of them. */
export const createTestRecords = (clock: HandClock): TestRecords => {
  const memory = createMemoryRecords(clock)
  const puts: unknown[] = []
  const call = async <T>(name: string, key: string, run: () => Promise<T>): Promise<T> => {
    records.calls.push(`${name} ${key.split(':')[0]}`)
    if (records.away) throw new Failure('redis.unavailable')
    return run()
  }
  const records: TestRecords = {
    away: false,
    calls: [],
    stored: () => JSON.stringify(puts),
    put: (key, record, ttlMs) => {
      puts.push([key, record])
      return call('put', key, () => memory.put(key, record, ttlMs))
    },
    putNew: (key, record, ttlMs) => call('putNew', key, () => memory.putNew(key, record, ttlMs)),
    replace: (key, record, ttlMs) => call('replace', key, () => memory.replace(key, record, ttlMs)),
    get: (key) => call('get', key, () => memory.get(key)),
    take: (key) => call('take', key, () => memory.take(key)),
    rewrite: (begin, change) => call('rewrite', begin, () => memory.rewrite(begin, change)),
  }
  return records
}
