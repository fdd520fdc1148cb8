/** Counts the turns of the event loop from now on, until `stop`. */
export const countTurns = (): { now(): number; stop(): void } => {
  let turns = 0
  const count = (): void => {
    turns++
    next = setImmediate(count)
  }
  let next = setImmediate(count)
  return { now: () => turns, stop: () => clearImmediate(next) }
}
