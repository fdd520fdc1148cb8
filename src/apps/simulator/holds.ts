import type { RouteName } from './routes.ts'

/**
 * A barrier for one request. `arrived` resolves when the request waits at it. `release` lets the request go
 * on; it may be called early and more than once.
 */
export type Hold = { arrived: Promise<void>; release(): void }
export type HoldOptions = { after?: 'apply' }

type Barrier = {
  route: RouteName | 'any'
  organization: number | undefined
  afterApply: boolean
  arrive(): Promise<void>
  release(): void
}

export type Holds = ReturnType<typeof createHolds>

/** Barriers in the order in which they were set; each stops the next matching request, once. */
export function createHolds() {
  const waiting: Barrier[] = []
  const taken = new Set<Barrier>()

  function hold(route: RouteName | 'any', organization?: number, options: HoldOptions = {}): Hold {
    const arrived = gate()
    const released = gate()
    const one: Barrier = {
      route,
      organization,
      afterApply: options.after === 'apply',
      arrive: () => {
        arrived.open()
        return released.passed
      },
      release: () => {
        taken.delete(one)
        released.open()
      },
    }
    waiting.push(one)
    return { arrived: arrived.passed, release: one.release }
  }

  return {
    hold,
    take(route: RouteName, organizations: number[]): Barrier | undefined {
      const index = waiting.findIndex(
        (barrier) =>
          (barrier.route === 'any' || barrier.route === route) &&
          (barrier.organization === undefined || organizations.includes(barrier.organization)),
      )
      const one = index < 0 ? undefined : waiting.splice(index, 1)[0]
      if (one) taken.add(one)
      return one
    },
    releaseAll: () => {
      for (const one of [...waiting.splice(0), ...taken]) one.release()
    },
  }
}

function gate() {
  let open: () => void = () => {}
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { passed, open }
}
