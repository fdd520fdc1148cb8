import type { Clock } from '../clock.ts'
import type { Reporter } from '../report.ts'
import type { Checked } from './check-server.ts'
import type { Connection, ConnectionEvents } from './connection.ts'
import type { RedisFault } from './refusal.ts'
import type { Subscription } from './subscription.ts'

type Good = { found: Checked; roundTripMs: number }

const againMs = 1000

/**
 * Builds up the connection and the subscriptions at a new address, while those at the old one are used. `use` is called
 * once all of them are ready. What keeps the new address from being used is reported, each reason once.
 */
export const createReplacement = (options: {
  connection: Connection
  url: string
  subscriptions: Set<Subscription>
  clock: Clock
  report: Reporter
  use(good: Good): void
}): { events: ConnectionEvents; answered(): void; abandon(): void } => {
  const { connection, url, subscriptions, clock, report, use } = options
  let good: Good | undefined
  let isOver = false
  const told = new Set<string>()

  const refused = ({ text }: Pick<RedisFault, 'text'>): void => {
    if (!told.has(text)) report({ name: 'redis', event: 'new-address', because: text })
    told.add(text)
  }
  const useIfReady = (): void => {
    if (isOver) return
    const states = [...subscriptions].map((one) => one.prepared())
    for (const { refusal } of states) if (refusal) refused(refusal)
    if (good === undefined || !states.every(({ isListening }) => isListening)) return
    isOver = true
    use(good)
  }
  const checkAgain = (): void =>
    void clock.after(againMs, () => {
      if (!isOver && connection.client.status === 'ready') connection.check()
    })
  for (const subscription of subscriptions) subscription.prepare(url, useIfReady)
  return {
    events: {
      ready: connection.check,
      checked: (found, roundTripMs) => {
        const because = found.unsupported ?? found.fault?.text
        good = because === undefined ? { found, roundTripMs } : undefined
        if (because === undefined) return useIfReady()
        refused({ text: because })
        checkAgain()
      },
      unanswered: (fault) => {
        refused(fault)
        checkAgain()
      },
      error: refused,
      lost: () => {
        good = undefined
      },
    },
    answered: useIfReady,
    abandon: () => {
      isOver = true
      connection.close()
      for (const subscription of subscriptions) subscription.abandon()
    },
  }
}
