import { createStore } from '../data/store.ts'

export const paletteOpen = createStore(false)
