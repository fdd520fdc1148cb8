import { createStore } from '../data/store.ts'

/** How long an undo is offered, ms. */
export const undoMs = 8000

/** What the key `u` takes back. */
const latest = createStore<(() => void) | undefined>(undefined)

/** Offers an undo for eight seconds. Returns it, good for one use. */
export const offerUndo = (undo: () => void): (() => void) => {
  const once = (): void => {
    if (latest.get() === once) latest.set(undefined)
    undo()
  }
  latest.set(once)
  setTimeout(() => latest.get() === once && latest.set(undefined), undoMs)
  return once
}

export const undoLast = (): void => latest.get()?.()
