import { setTimeout as pause } from 'node:timers/promises'

/**
 * Resolves when `isSo` says so; it is asked every few milliseconds. The limit is generous and only decides failure.
 * @throws with the condition's source when it is not so after `limitMs`
 */
export const until = async (isSo: () => boolean | Promise<boolean>, limitMs = 15_000): Promise<void> => {
  const startedAt = performance.now()
  while (!(await isSo())) {
    if (performance.now() - startedAt > limitMs) throw new Error(`not so after ${limitMs} ms: ${isSo}`)
    await pause(5)
  }
}
