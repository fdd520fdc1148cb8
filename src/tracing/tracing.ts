import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Exchange } from '../chathub/exchange.ts'
import type { RequestContext } from '../http/request-context.ts'

/** A span as it begins. It holds no name of a person, no secret and no text of a client. */
export type SpanOf = {
  name: string
  /** `client`: a call of another program, also outside of requests. Undefined: a part of a request. */
  kind?: 'client' | 'root'
  attributes?: Attributes
  /** The `traceparent` of the request that asked for a root span: the two are linked. */
  link?: string | undefined
}
type Attributes = Record<string, string | number | boolean>

/**
 * Spans of requests and of what they wait for. Each function that is wrapped stays as it is while tracing is off, so a
 * request then costs the same as without this file.
 */
export type Tracing = {
  /** Begins the span of a request, under that of its caller (`traceparent`). */
  requestBegun(req: IncomingMessage): void
  /** What the function does belongs to the request. */
  inRequest(work: (res: ServerResponse) => void): (res: ServerResponse) => void
  requestAnswered(requestContext: RequestContext, status: number): void
  /** Each call of the function is a span. */
  spans<F extends (...args: never[]) => unknown>(
    begin: (...args: Parameters<F>) => SpanOf,
    work: F,
    told?: (result: Awaited<ReturnType<F>>) => Attributes,
  ): F
  /** What the function does belongs to no request. */
  detached<A extends unknown[], R>(work: (...args: A) => R): (...args: A) => R
  /** Each request to ChatHub is a span, which ChatHub is told by `traceparent`. */
  attempts(exchange: Exchange, origin: URL): Exchange
  /** All attempts of one call, which are counted. */
  calls(exchange: Exchange): Exchange
  /** Names a script of Redis, whose commands hold its hash alone. */
  scriptDefined(name: string, lua: string): void
  /** Of the span in which this is called. */
  traceparent(): string | undefined
  /** For log lines: `trace_id` and `span_id`. */
  logFields: (() => object) | undefined
  /** The same for the line of a request, as JSON text that begins with a comma. */
  logText(requestContext: RequestContext): string
  /** The header line of an answer, if callers are told. */
  timingLine: ((requestContext: RequestContext) => string) | undefined
  /** Sends what is left. */
  stop(): Promise<void>
}

export const noTracing: Tracing = {
  requestBegun: () => {},
  inRequest: (work) => work,
  requestAnswered: () => {},
  spans: (_begin, work) => work,
  detached: (work) => work,
  attempts: (exchange) => exchange,
  calls: (exchange) => exchange,
  scriptDefined: () => {},
  traceparent: () => undefined,
  logFields: undefined,
  logText: () => '',
  timingLine: undefined,
  stop: async () => {},
}

/** Traces are switched on, and their packages are not installed. The message says what to type. */
export class PackagesMissing extends Error {}
