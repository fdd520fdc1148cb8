/** A write of one register, or a read of it that claimed to be fresh. Times on one monotonic clock, ms. */
export type Event = {
  kind: 'write' | 'read'
  register: string
  value: string
  began: number
  /** Infinity: never acknowledged; it may have happened at any time since, or never. */
  ended: number
  /** Which instance answered. */
  by: number
}

/**
 * Reads that no order of the writes explains: a read must return a write that began before the read ended and that no
 * other write, begun after it ended and acknowledged before the read began, had overwritten. The first value of a
 * register stands for a write before all.
 */
export const unexplained = (events: readonly Event[], first: (register: string) => string): Event[] => {
  const writes = new Map<string, Event[]>()
  for (const event of events) {
    if (event.kind !== 'write') continue
    const known = writes.get(event.register) ?? []
    writes.set(event.register, [...known, event])
  }
  return events.filter((read) => {
    if (read.kind !== 'read') return false
    const own = writes.get(read.register) ?? []
    const before: Event = {
      ...read,
      kind: 'write',
      value: first(read.register),
      began: -Infinity,
      ended: -Infinity,
    }
    return ![before, ...own].some(
      (write) =>
        write.value === read.value &&
        write.began <= read.ended &&
        !own.some((later) => later.began > write.ended && later.ended < read.began),
    )
  })
}
