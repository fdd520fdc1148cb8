/** `ahead`: somebody waits for it; `behind`: a refresh that nobody waits for. */
export type Urgency = 'ahead' | 'behind'

export type SingleFlight<V> = {
  /** The running load of `key`, or a new one; `collapsed`: it was running already. */
  join(key: string, urgency: Urgency, load: () => Promise<V>): { promise: Promise<V>; collapsed: boolean }
  /** A write happened: whoever comes now does not join the running load (it may still hold the older list). Without a key: any. */
  detach(key?: string): void
}

/**
 * One load for all who wait. Somebody who waits does not join a refresh running behind, which may stand at the end of
 * the queue; it starts a load of its own, and later comers of both kinds join that one.
 */
export const createSingleFlight = <V>(): SingleFlight<V> => {
  const running = new Map<string, { urgency: Urgency; promise: Promise<V> }>()
  return {
    join: (key, urgency, load) => {
      const current = running.get(key)
      if (current && (current.urgency === 'ahead' || urgency === 'behind'))
        return { promise: current.promise, collapsed: true }
      const flight = { urgency, promise: load() }
      running.set(key, flight)
      const land = () => {
        if (running.get(key) === flight) running.delete(key)
      }
      flight.promise.then(land, land)
      return { promise: flight.promise, collapsed: false }
    },
    detach: (key) => (key === undefined ? running.clear() : void running.delete(key)),
  }
}
