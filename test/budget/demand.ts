import { ask, type Fleet } from '../coherence/fleet.ts'

/** People who want many lists at once, on every instance that is there: more than the budget can ever give. */
export const startDemand = (
  fleet: Fleet,
  { organizations, readers }: { organizations: number; readers: number },
) => {
  let over = false
  let next = 0
  const reader = async (by: number): Promise<void> => {
    while (!over) {
      const gateway = fleet.gateways[by % fleet.gateways.length]!
      const organization = 103 + (next++ % organizations)
      const answer = await ask(gateway, 'GET', `/v1/organizations/${organization}/operators`, {
        headers: { 'Cache-Control': 'no-cache' },
      }).catch(() => undefined)
      await answer?.arrayBuffer()
      // Who is turned away comes again, and does not hammer.
      if (answer?.status !== 200) await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  const all = Array.from({ length: readers }, (_, by) => reader(by))
  return {
    stop: async (): Promise<void> => {
      over = true
      await Promise.all(all)
    },
  }
}

/** Per cent of the budget used: how long each N arrivals took on average, so that no edge of the span counts. */
export const useOf = (arrivals: readonly { at: number }[], perSecond: number): number => {
  const spans = arrivals.slice(perSecond).map(({ at }, i) => at - (arrivals[i] as { at: number }).at)
  const mean = spans.reduce((sum, span) => sum + span, 0) / spans.length
  return Math.round(100_000 / mean)
}
