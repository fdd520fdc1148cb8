import { ask, type Fleet } from '../coherence/fleet.ts'

/** Readers of many lists on every instance; they ask for more than the budget can give. */
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
      // A refused reader asks again after a pause.
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

/** Per cent of the budget used, from the mean time that N arrivals took; so the ends of the span do not count. */
export const useOf = (arrivals: readonly { at: number }[], perSecond: number): number => {
  const spans = arrivals.slice(perSecond).map(({ at }, i) => at - (arrivals[i] as { at: number }).at)
  const mean = spans.reduce((sum, span) => sum + span, 0) / spans.length
  return Math.round(100_000 / mean)
}
