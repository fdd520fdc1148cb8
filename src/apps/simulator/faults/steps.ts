import type { ServerResponse } from 'node:http'
import type { Answer } from '../answer.ts'
import type { Incoming } from '../incoming.ts'
import type { Random } from '../random.ts'
import type { Fault, Mode } from './fault.ts'

/** The three moves of every exchange. A fault replaces or wraps some of them. */
export type Steps = {
  before(): Promise<void>
  /** Makes the effect and decides the answer, in one turn of the loop: never half applied. */
  perform(incoming: Incoming): Answer
  deliver(answer: Answer): Promise<void>
}

/** What a misbehaving move may use. Every wait ends (by throwing) when the simulator closes. */
export type Wire = {
  response: ServerResponse
  /** Sends the head and notes its status in the arrival. */
  head(status: number, headers: Record<string, string | number>): void
  wait(ms: number): Promise<void>
  random: Random
}

/**
 * `kind`: at most one fault of each kind strikes a request, so that two `status` faults with `times: 1`
 * come one after the other, while a `delay`, a `shuffle` and a `drop-response` may meet.
 */
export type Behaviour<M extends Mode> = {
  kind: 'content' | 'ending' | 'before' | 'after'
  wrap(fault: Extract<Fault, { mode: M }>, steps: Steps, wire: Wire): Partial<Steps>
}

export type Behaviours<M extends Mode> = { [Each in M]: Behaviour<Each> }

/** Never settles; nothing else holds it, so it is collected with the request. */
export function forever(): Promise<never> {
  return new Promise(() => {})
}
