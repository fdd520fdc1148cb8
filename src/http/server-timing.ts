import { AsyncLocalStorage } from 'node:async_hooks'
import type { Clock } from '../clock.ts'
import type { Tracing } from '../tracing/tracing.ts'
import type { RequestContext } from './request-context.ts'
import type { ResponseBatcher } from './response-batcher.ts'

/** Which part of the header a span adds to. */
const partOf: Record<string, string> = { cache: 'cache', budget: 'queue', queue: 'queue' }

/** Adds up, for each request, what it waits for, beside the spans of `base`. Off by default: it tells callers what is cached. */
export const withServerTiming = (base: Tracing, clock: Clock): Tracing => {
  const timesOf = new WeakMap<RequestContext, Map<string, number>>()
  const current = new AsyncLocalStorage<Map<string, number>>()
  const timed =
    <A extends unknown[], R>(part: string | undefined, work: (...args: A) => R) =>
    (...args: A): R => {
      const times = current.getStore()
      if (!times || !part) return work(...args)
      const startedAt = clock.now()
      const add = (): void => void times.set(part, (times.get(part) ?? 0) + clock.now() - startedAt)
      const result = work(...args)
      if (result instanceof Promise) return result.finally(add) as R
      add()
      return result
    }

  return {
    ...base,
    inRequest: (work) =>
      base.inRequest((res) => {
        const times = new Map<string, number>()
        timesOf.set(res.req.requestContext, times)
        current.run(times, work, res)
      }),
    spans: (begin, work, told) => {
      const inSpan = base.spans(begin, work, told)
      const run = (...args: never[]): unknown =>
        timed(partOf[begin(...(args as Parameters<typeof work>)).name], inSpan)(...args)
      return run as typeof work
    },
    detached: (work) => {
      const alone = base.detached(work)
      return (...args) => current.exit(() => alone(...args))
    },
    attempts: (exchange, origin) => timed('chathub', base.attempts(exchange, origin)),
    timingLine: (requestContext) => {
      const times = timesOf.get(requestContext)
      const { freshness, startedAt } = requestContext
      const parts = ['cache', 'queue', 'chathub', 'total'].flatMap((part) => {
        const ms = part === 'total' ? clock.now() - startedAt : times?.get(part)
        const words = part === 'cache' && freshness ? `;desc="${freshness.how}"` : ''
        const duration = ms === undefined ? '' : `;dur=${ms.toFixed(1)}`
        return words || duration ? `${part}${words}${duration}` : []
      })
      return `Server-Timing: ${parts.join(', ')}\r\n`
    },
  }
}

/** Sends each answer with the times of its request, if callers are told. Those of a refusal are in its trace. */
export const tellTimes = (batcher: ResponseBatcher, { timingLine }: Tracing): ResponseBatcher =>
  timingLine
    ? {
        ...batcher,
        send: (req, res, answer, last) => {
          const line = answer.status < 400 ? timingLine(req.requestContext) : ''
          batcher.send(req, res, { ...answer, lines: answer.lines + line }, last)
        },
      }
    : batcher
