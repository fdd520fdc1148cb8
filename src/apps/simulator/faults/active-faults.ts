import type { Random } from '../random.ts'
import type { RouteName } from '../routes.ts'
import { contentFaults } from './content-faults.ts'
import { checkTarget, type Fault, type Mode } from './fault.ts'
import type { Behaviour, Behaviours, Steps, Wire } from './steps.ts'
import { transportFaults } from './transport-faults.ts'

const behaviours: Behaviours<Mode> = { ...contentFaults, ...transportFaults }

/** From the inside out: the content of the answer, its end, and the waits around both. */
const layers = ['content', 'ending', 'before', 'after'] as const

type Active = { fault: Fault; left: number; recent: number[] }

export type ActiveFaults = ReturnType<typeof createActiveFaults>

/** The active faults, in the order in which they were added. */
export function createActiveFaults(random: Random, monotonic: () => number) {
  let active: Active[] = []

  function matches({ fault }: Active, route: RouteName, organizations: number[]): boolean {
    const { organization } = fault
    return (
      (fault.route === undefined || fault.route === 'any' || fault.route === route) &&
      (organization === undefined || organizations.includes(organization))
    )
  }

  function applies(one: Active): boolean {
    const { fault } = one
    if (fault.mode === 'rate-limit' && !exceeded(one.recent, fault.perSecond, monotonic())) return false
    return fault.probability === undefined || random() < fault.probability
  }

  /** The first fault of each kind that affects this request; each of them uses up one of its `times`. */
  function faultsFor(route: RouteName, organizations: number[]): Fault[] {
    const chosen: Fault[] = []
    for (const kind of layers) {
      const one = active.find(
        (each) =>
          behaviours[each.fault.mode].kind === kind && matches(each, route, organizations) && applies(each),
      )
      if (!one) continue
      chosen.push(one.fault)
      one.left--
    }
    active = active.filter((one) => one.left > 0)
    return chosen
  }

  return {
    /** @throws TypeError for an unknown mode or an invalid target; then nothing is added. */
    add(input: unknown): void {
      checkTarget(input)
      const fault = input as Fault
      if (!Object.hasOwn(behaviours, String(fault.mode))) throw new TypeError(`Unknown mode ${fault.mode}`)
      active.push({ fault, left: fault.times ?? Number.POSITIVE_INFINITY, recent: [] })
    },
    clear: () => {
      active = []
    },
    /** The steps of one request, changed by the faults that affect it. */
    applyTo(steps: Steps, wire: Wire, route: RouteName, organizations: number[]): Steps {
      let changed = steps
      for (const fault of faultsFor(route, organizations)) {
        const behaviour = behaviours[fault.mode] as Behaviour<Mode>
        changed = { ...changed, ...behaviour.wrap(fault, changed, wire) }
      }
      return changed
    },
  }
}

/** Counts one arrival. @returns whether more than `perSecond` came within the last second */
function exceeded(recent: number[], perSecond: number, now: number): boolean {
  recent.push(now)
  while (recent[0]! <= now - 1000) recent.shift()
  return recent.length > perSecond
}
