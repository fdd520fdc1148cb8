import type { ServerResponse } from 'node:http'
import type { Answer } from '../answer.ts'
import type { Incoming } from '../incoming.ts'
import type { Random } from '../random.ts'
import type { Fault, Mode } from './fault.ts'

/** The three steps of every exchange. A fault replaces or wraps some of them. */
export type Steps = {
  before(): Promise<void>
  /** Applies the call and decides the answer synchronously, so no call is half applied. */
  perform(incoming: Incoming): Answer
  deliver(answer: Answer): Promise<void>
}

/** What a fault may use. Every wait ends with an exception when the simulator closes. */
export type Wire = {
  response: ServerResponse
  /** Sends the head and records its status in the arrival. */
  head(status: number, headers: Record<string, string | number>): void
  wait(ms: number): Promise<void>
  random: Random
}

/**
 * `kind`: at most one fault of each kind affects a request. So two `status` faults with `times: 1` affect two
 * requests, while a `delay`, a `shuffle` and a `drop-response` may affect the same one.
 */
export type Behaviour<M extends Mode> = {
  kind: 'content' | 'ending' | 'before' | 'after'
  wrap(fault: Extract<Fault, { mode: M }>, steps: Steps, wire: Wire): Partial<Steps>
}

export type Behaviours<M extends Mode> = { [Each in M]: Behaviour<Each> }

/** Never settles; it is garbage-collected with its request. */
export function forever(): Promise<never> {
  return new Promise(() => {})
}
