import { setTimeout as pause } from 'node:timers/promises'

const limitMs = 120_000

/** The longest pause between two evaluations that cost something, in ms. */
const pauseMaxMs = 30

/**
 * Resolves once `condition` is true; it is evaluated every `everyMs`, if given. Else a condition that returns a promise asks
 * somebody, so the pauses grow: a core that only asks is missing elsewhere. The limit only decides failure.
 * @throws with `awaited`, by default the source of the condition, when it is not true after two minutes
 */
export const until = async (
  condition: () => boolean | Promise<boolean>,
  awaited = String(condition),
  everyMs?: number,
): Promise<void> => {
  const startedAt = performance.now()
  for (let pauseMs = everyMs ?? 2; ; ) {
    const answer = condition()
    if (await answer) return
    if (performance.now() - startedAt > limitMs)
      throw new Error(`not true after ${limitMs / 1000} s: ${awaited}`)
    await pause(pauseMs)
    if (everyMs === undefined && typeof answer !== 'boolean') pauseMs = Math.min(2 * pauseMs, pauseMaxMs)
  }
}
