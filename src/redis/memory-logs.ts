import { nextSlice } from '../clock.ts'

type Bounds = {
  keepMs: number
  /** Of each log. */
  entriesMax: number
  /** Of all logs together. */
  bytesMax: number
}

// Replacing takes up to 0.1 ms, and other work must not wait for a whole log.
const replacedAtOnce = 20

/**
 * Logs of organizations in a gateway without Redis, each in order of time. They end with the process. Old entries go in large
 * steps, because each step moves the rest. Beyond `bytesMax` the oldest of all logs go first.
 */
export const createMemoryLogs = <E extends { ms: number }>(options: {
  bounds: Bounds
  sizeOf(entry: E): number
  /** Is told the last one of those that went. */
  onRemoved?(organization: number, last: E): void
}) => {
  const { sizeOf, onRemoved } = options
  const { keepMs, entriesMax, bytesMax } = options.bounds
  const logs = new Map<number, E[]>()
  let bytesKept = 0

  const of = (organization: number): E[] => logs.get(organization) ?? []
  const removeFirst = (organization: number, count: number): void => {
    const log = of(organization)
    const gone = log.splice(0, count)
    for (const entry of gone) bytesKept -= sizeOf(entry)
    if (log.length === 0) logs.delete(organization)
    onRemoved?.(organization, gone.at(-1) as E)
  }
  /** The organization with the oldest entry of all. */
  const oldest = (): number => {
    const firstOf = ([, [entry]]: [number, E[]]): number => entry?.ms ?? 0
    return [...logs].reduce((first, next) => (firstOf(next) < firstOf(first) ? next : first))[0]
  }
  const trim = (organization: number, now: number): void => {
    const log = of(organization)
    const old = log.findIndex(({ ms }) => ms >= now - keepMs)
    const excess = Math.max(log.length - entriesMax, old)
    const isVeryOld = (log[0] as E).ms < now - 1.1 * keepMs
    if (excess > entriesMax / 10 || isVeryOld) removeFirst(organization, excess)
    while (bytesKept > bytesMax && logs.size > 0) {
      const first = oldest()
      removeFirst(first, Math.ceil(of(first).length / 10))
    }
  }
  return {
    /** The log, the oldest first. It must not be changed. */
    of: (organization: number): readonly E[] => of(organization),
    organizations: (): number[] => [...logs.keys()],
    add: (organization: number, entry: E): void => {
      const log = of(organization)
      log.push(entry)
      logs.set(organization, log)
      bytesKept += sizeOf(entry)
      trim(organization, entry.ms)
    },
    /** Replaces each entry of a log without moving one, also those that come meanwhile. `change` returns one that stays. */
    replace: async (organization: number, change: (entry: E) => E): Promise<void> => {
      for (let at = 0; at < of(organization).length; ) {
        const log = of(organization)
        const end = Math.min(log.length, at + replacedAtOnce)
        for (; at < end; at++) {
          const entry = log[at] as E
          const next = change(entry)
          bytesKept += sizeOf(next) - sizeOf(entry)
          log[at] = next
        }
        const last = log[at - 1] as E
        await nextSlice()
        // From the beginning where the last one went meanwhile with all before it, or was replaced by another call.
        at = of(organization).indexOf(last) + 1
      }
    },
  }
}
