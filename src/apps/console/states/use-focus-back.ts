import { useEffect } from 'react'

/** Gives the focus back when a dialog goes: to what had it before, or to the screen if that has gone too. */
export const useFocusBack = (): void => {
  useEffect(() => {
    const before = document.activeElement
    return () => {
      // Another dialog, or the next screen, may take the focus meanwhile.
      setTimeout(() => {
        if (document.activeElement !== document.body) return
        const isThere = before instanceof HTMLElement && before !== document.body && before.isConnected
        const next = isThere ? before : document.querySelector('main')
        next?.focus({ preventScroll: true })
      })
    }
  }, [])
}
