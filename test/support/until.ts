import { setTimeout as pause } from 'node:timers/promises'

const limitMs = 60_000

/**
 * Resolves once `condition` is true; it is evaluated every `everyMs`. The limit is generous, because it only decides failure.
 * @throws with `awaited`, by default the source of the condition, when it is not true after a minute
 */
export const until = async (
  condition: () => boolean | Promise<boolean>,
  awaited = String(condition),
  everyMs = 2,
): Promise<void> => {
  const startedAt = performance.now()
  while (!(await condition())) {
    if (performance.now() - startedAt > limitMs)
      throw new Error(`not true after ${limitMs / 1000} s: ${awaited}`)
    await pause(everyMs)
  }
}
