/** `foreground`: a reader waits for the load; `background`: nobody does. */
export type Urgency = 'foreground' | 'background'

export type SingleFlight<V> = {
  /** The running load of `key`, or a new one. `collapsed`: it was running already. */
  join(key: string, urgency: Urgency, load: () => Promise<V>): { promise: Promise<V>; collapsed: boolean }
  /** From now on nobody joins the running load of `key`, because a write invalidated it. Without a key: any. */
  detach(key?: string): void
}

/**
 * One load for all who wait. A foreground caller does not join a background load, which may be last in the queue. It
 * starts a load of its own, which later callers of both kinds join.
 */
export const createSingleFlight = <V>(): SingleFlight<V> => {
  const running = new Map<string, { urgency: Urgency; promise: Promise<V> }>()
  return {
    join: (key, urgency, load) => {
      const current = running.get(key)
      if (current && (current.urgency === 'foreground' || urgency === 'background'))
        return { promise: current.promise, collapsed: true }
      const flight = { urgency, promise: load() }
      running.set(key, flight)
      const end = () => {
        if (running.get(key) === flight) running.delete(key)
      }
      flight.promise.then(end, end)
      return { promise: flight.promise, collapsed: false }
    },
    detach: (key) => (key === undefined ? running.clear() : void running.delete(key)),
  }
}
