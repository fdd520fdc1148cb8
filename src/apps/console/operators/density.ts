import { createStore } from '../data/store.ts'

const kept = 'chathub-console-density'
const store = createStore<'airy' | 'dense'>(localStorage.getItem(kept) === 'dense' ? 'dense' : 'airy')

/** How high rows are, in this browser. */
export const density = {
  use: store.use,
  set: (next: 'airy' | 'dense'): void => {
    localStorage.setItem(kept, next)
    store.set(next)
  },
}
