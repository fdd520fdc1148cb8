import { useEffect, useState } from 'react'

/** Ms after which it is done in any case. */
const longestMs = 1000

/** Does what can wait until the screen is drawn. Returns what takes it back. */
export const whenIdle = (work: () => void): (() => void) => {
  // Not all of Safari has it.
  if (!('requestIdleCallback' in globalThis)) {
    const timer = setTimeout(work, longestMs / 5)
    return () => clearTimeout(timer)
  }
  const handle = requestIdleCallback(work, { timeout: longestMs })
  return () => cancelIdleCallback(handle)
}

/** False until the screen is drawn. What it does not need is read then. */
export const useIsDrawn = (): boolean => {
  const [isDrawn, setDrawn] = useState(false)
  useEffect(() => whenIdle(() => setDrawn(true)), [])
  return isDrawn
}
