import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Arrivals } from './arrivals.ts'
import { answerTo, type ChatHubState, organizationsOf } from './chathub.ts'
import type { ActiveFaults } from './faults/active-faults.ts'
import type { Steps, Wire } from './faults/steps.ts'
import type { Holds } from './holds.ts'
import { readIncoming, requestLine } from './incoming.ts'
import type { Random } from './random.ts'
import { isWrite } from './routes.ts'

export type ExchangeParts = {
  state: ChatHubState
  arrivals: Arrivals
  faults: ActiveFaults
  holds: Holds
  random: Random
  latencyMs: number
  after: (ms: number, run: () => void) => () => void
  closing: AbortSignal
}

/**
 * Handles one request: records its arrival, reads it, applies holds and faults, decides, and answers.
 * A hold stops a read when its answer is decided, and a write before it is applied (or after, as asked).
 * A complete request takes effect even if the client leaves, because a real server cannot know that.
 */
export async function exchange(
  request: IncomingMessage,
  response: ServerResponse,
  parts: ExchangeParts,
): Promise<void> {
  const { state, arrivals, faults, holds, random, latencyMs } = parts
  const { method, path, route } = requestLine(request)
  const trace = traceOf(request)
  const arrival = arrivals.record({ method, path, route, ...(trace && { trace }) })
  const incoming = await readIncoming(request)
  const organizations = organizationsOf(incoming, state.directory)
  if (organizations.length === 1) arrival.organization = organizations[0]!

  const wire: Wire = {
    response,
    random,
    head: (status, headers) => {
      if (response.destroyed) return
      arrival.status = status
      response.writeHead(status, headers)
    },
    wait: (ms) => wait(ms, parts),
  }
  // Half of the latency comes before the call and half after it, so an answer has an age when it arrives.
  const latency = () => (latencyMs > 0 ? wire.wait(latencyMs / 2) : Promise.resolve())
  const plain: Steps = {
    before: latency,
    perform: (whole) => answerTo(whole, state),
    deliver: async ({ status, headers, body }) => {
      await latency()
      wire.head(status, { ...headers, 'content-length': body.length })
      response.end(body)
    },
  }
  const hold = holds.take(route, organizations)
  const steps = faults.applyTo(plain, wire, route, organizations)

  await steps.before()
  const holdsBeforeApply = isWrite(route) && !hold?.afterApply
  if (holdsBeforeApply) await hold?.arrive()
  const answer = steps.perform(incoming)
  if (!holdsBeforeApply) await hold?.arrive()
  await steps.deliver(answer)
}

/** @throws when the simulator closes meanwhile */
const wait = (ms: number, { after, closing }: ExchangeParts): Promise<void> =>
  new Promise((resolve, reject) => {
    closing.throwIfAborted()
    const close = () => {
      cancel()
      reject(closing.reason)
    }
    const cancel = after(ms, () => {
      closing.removeEventListener('abort', close)
      resolve()
    })
    closing.addEventListener('abort', close, { once: true })
  })

/** The headers of W3C Trace Context and Baggage. */
function traceOf({ headers }: IncomingMessage): Record<string, string> | undefined {
  const found = ['traceparent', 'tracestate', 'baggage'].flatMap((name) =>
    headers[name] === undefined ? [] : [[name, String(headers[name])]],
  )
  return found.length > 0 ? Object.fromEntries(found) : undefined
}
