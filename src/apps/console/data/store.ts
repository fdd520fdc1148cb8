import { useSyncExternalStore } from 'react'

/** A value outside of React that components follow. */
export const createStore = <T>(first: T) => {
  let value = first
  const listeners = new Set<() => void>()
  const subscribe = (listener: () => void) => {
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }
  return {
    get: (): T => value,
    set: (next: T): void => {
      if (Object.is(value, next)) return
      value = next
      for (const listener of listeners) listener()
    },
    use: (): T => useSyncExternalStore(subscribe, () => value),
  }
}
