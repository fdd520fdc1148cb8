import { type Clock, systemClock } from '../../src/clock.ts'

/** The system's clock, put forward by hand: for suites in which sockets and ages meet. */
export const createJumpingClock = (): Clock & { jump(ms: number): void } => {
  let offset = 0
  return {
    now: () => systemClock.now() + offset,
    wall: () => systemClock.wall() + offset,
    after: systemClock.after,
    jump: (ms) => {
      offset += ms
    },
  }
}
