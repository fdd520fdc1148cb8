import type { Clock } from '../clock.ts'
import type { RedisErrorReason } from '../report.ts'

export type RedisState =
  | { name: 'ready' }
  | { name: 'away'; since: number; because: string }
  | { name: 'refused'; until: number; because: string; reason: RedisErrorReason }
  | { name: 'unsupported'; because: string }

const holdMs = 1000

/**
 * The state as people are told it: each holds for a second at least, so that logs and dashboards do not flap. `tell` is
 * called when the told state changes, and when Redis gives another reason for a refusal.
 */
export const createToldState = (clock: Clock, first: RedisState, tell: (state: RedisState) => void) => {
  let told = first
  let actual = first
  let toldAt = Number.NEGATIVE_INFINITY
  let cancel = (): void => {}

  const isNews = (): boolean =>
    actual.name !== told.name || (actual.name === 'refused' && actual.because !== reasonOf(told))
  const update = (): void => {
    cancel()
    const isNew = isNews()
    const leftMs = toldAt + holdMs - clock.now()
    if (isNew && leftMs > 0) {
      cancel = clock.after(leftMs, update)
      return
    }
    told = actual
    if (!isNew) return
    toldAt = clock.now()
    tell(told)
  }
  return {
    set: (state: RedisState): void => {
      actual = state
      update()
    },
    status: (): { state: RedisState['name']; detail: string | null } => ({
      state: told.name,
      detail: reasonOf(told),
    }),
    stop: (): void => cancel(),
  }
}

const reasonOf = (state: RedisState): string | null => ('because' in state ? state.because : null)
