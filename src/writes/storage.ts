import { alone, type Clock, every } from '../clock.ts'
import { Failure } from '../errors.ts'
import type { Redis } from '../redis/redis.ts'
import type { Reporter } from '../report.ts'
import type { Row } from './operation.ts'

/** Bytes in use, and the most there can be. */
export type Usage = { usedBytes: number; maxBytes: number }

export type Storage = ReturnType<typeof createStorage>

/** `unbounded`: no limit is set, or it cannot be read. */
type StorageStatus = { state: 'ok' | 'full' | 'unbounded' } & (Usage | { usedBytes: null; maxBytes: null })

/** A write of more rows is large. */
const smallRows = 100
const measureMs = 1000
// Nobody knows when memory is freed, so callers come back slowly.
const retryMs = 30_000
// Besides its name, compressed.
const bytesOfRow = 10

/**
 * Watches how full the storage of writes is, once a second. `usage` undefined: no limit, or not known now; then the state
 * stays. Rows that this instance has taken since the last look count too, so that a burst does not slip between two looks.
 */
export const createStorage = (options: {
  usage(): Promise<Usage | 'unbounded' | undefined>
  highPercent: number
  clock: Clock
  report: Reporter
}) => {
  const { usage, highPercent, clock, report } = options
  let last: Usage | undefined
  /** Of writes that run, and of those that ended since the last look. A refused write takes nothing. */
  let runningBytes = 0
  let takenBytes = 0
  let told = false
  const isFull = ({ usedBytes, maxBytes }: Usage): boolean =>
    (usedBytes + runningBytes + takenBytes) * 100 > maxBytes * highPercent

  const measure = alone(async () => {
    const found = await usage()
    if (found === undefined) return
    takenBytes = 0
    last = found === 'unbounded' ? undefined : found
    const full = last !== undefined && isFull(last)
    if (full !== told) report({ name: 'storage', state: full ? 'full' : 'ok', ...last })
    told = full
  })
  measure()
  const stop = every(clock, measureMs, measure)
  return {
    /**
     * Runs a write, but a large one only while what is kept takes less than the share of the memory. Small writes go on: they
     * find room. @throws Failure `storage.full`, before `work` runs; what `work` throws
     */
    withRoom: async <T>(rows: readonly Pick<Row, 'name'>[], work: () => Promise<T>): Promise<T> => {
      if (rows.length <= smallRows || !last) return work()
      if (isFull(last)) throw new Failure('storage.full', { retryAfterMs: retryMs })
      const bytes = rows.reduce((sum, { name = '' }) => sum + name.length + bytesOfRow, 0)
      runningBytes += bytes
      try {
        const result = await work()
        takenBytes += bytes
        return result
      } finally {
        runningBytes -= bytes
      }
    },
    status: (): StorageStatus =>
      last
        ? { state: isFull(last) ? 'full' : 'ok', ...last }
        : { state: 'unbounded', usedBytes: null, maxBytes: null },
    stop,
  }
}

/** The memory of the fullest master. A server that forbids INFO tells nothing. */
export const redisUsage = (redis: Redis) => async (): Promise<Usage | 'unbounded' | undefined> => {
  const texts = await redis.attempt((client) => {
    const masters = 'nodes' in client ? client.nodes('master') : [client]
    return Promise.all(masters.map((master) => master.info('memory')))
  })
  const usages = (texts ?? []).flatMap((text) => {
    const read = (name: string): number => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(text)?.[1] ?? 0)
    const maxBytes = read('maxmemory')
    return maxBytes > 0 ? [{ usedBytes: read('used_memory'), maxBytes }] : []
  })
  const share = (usage: Usage): number => usage.usedBytes / usage.maxBytes
  return texts && (usages.toSorted((a, b) => share(b) - share(a))[0] ?? 'unbounded')
}
