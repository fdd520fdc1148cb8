import { createStore } from '../data/store.ts'
import { offerUndo, undoMs } from './undo.ts'

export type Toast = { id: string; message: string; isBad: boolean; undo: (() => void) | undefined }

const shownMax = 3
export const toasts = createStore<readonly Toast[]>([])

export const hideToast = (id: string): void => toasts.set(toasts.get().filter((each) => each.id !== id))

/** Tells what was done, or what failed. Screen readers say it. `undo`: offered for eight seconds, also by the key `u`. */
export const toast = (
  message: string,
  { undo, isBad = false }: { undo?: () => void; isBad?: boolean } = {},
): void => {
  const id = crypto.randomUUID()
  const take =
    undo &&
    offerUndo(() => {
      hideToast(id)
      undo()
    })
  toasts.set([...toasts.get(), { id, message, isBad, undo: take }].slice(-shownMax))
  setTimeout(() => hideToast(id), undoMs)
}
