import { createHash } from 'node:crypto'
import * as api from '@opentelemetry/api'
import * as resources from '@opentelemetry/resources'
import * as sdk from '@opentelemetry/sdk-trace-node'
import { minterOf } from '../access/caller.ts'
import type { Exchange } from '../chathub/exchange.ts'
import type { RequestContext } from '../http/request-context.ts'
import { version } from '../version.ts'
import { spanRedisCommands } from './redis-spans.ts'
import { noTracing, type SpanOf, type Tracing } from './tracing.ts'

type Attributes = api.Attributes
type Context = api.Context
type Span = api.Span

const { context, trace, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode } = api
const warnEveryMs = 60_000
const stopMs = 3000
// Asked every few seconds by machines: their spans would hide the others.
const unseen = new Set(['/livez', '/readyz', '/metrics'])
const methods = new Set(['GET', 'HEAD', 'POST', 'PATCH', 'DELETE', 'PUT', 'OPTIONS'])

/**
 * The SDK with its own variables for sampling, batches, headers and limits. This file is loaded where traces are on: its
 * packages may be missing elsewhere.
 */
export const startOpenTelemetry = async (options: {
  url: string
  protocol: 'http/protobuf' | 'http/json'
  service: string | undefined
  warn(because: string): void
}): Promise<Tracing> => {
  const { OTLPTraceExporter } = await (options.protocol === 'http/json'
    ? import('@opentelemetry/exporter-trace-otlp-http')
    : import('@opentelemetry/exporter-trace-otlp-proto'))
  const defaults = resources.resourceFromAttributes({
    'service.name': 'chathub-gateway',
    'service.version': version,
  })
  const detected = resources.detectResources({ detectors: [resources.envDetector] })
  const named = resources.resourceFromAttributes(options.service ? { 'service.name': options.service } : {})
  const provider = new sdk.NodeTracerProvider({
    resource: resources.defaultResource().merge(defaults).merge(detected).merge(named),
    spanProcessors: [new sdk.BatchSpanProcessor(new OTLPTraceExporter({ url: options.url }))],
  })
  provider.register()
  let warnedAt = Number.NEGATIVE_INFINITY
  const warn = (text: string): void => {
    if (performance.now() - warnedAt < warnEveryMs) return
    warnedAt = performance.now()
    options.warn(text.slice(0, 300))
  }
  const quiet = (): void => {}
  api.diag.setLogger({ error: warn, warn, info: quiet, debug: quiet, verbose: quiet }, api.DiagLogLevel.WARN)
  const tracer = provider.getTracer('chathub-gateway', version)
  const requests = new WeakMap<RequestContext, Context>()
  const scripts = new Map<string, string>()
  const attemptsKey = api.createContextKey('attempts by operation')

  /** A span under the current one. Undefined: there is none, or it has ended, and this span alone would say nothing. */
  const begin = ({ name, kind, attributes = {}, link }: SpanOf): Span | undefined => {
    const parent = trace.getSpan(context.active())
    // A span that is not sampled does not record either.
    const isOver =
      parent !== undefined && !parent.isRecording() && (parent.spanContext().traceFlags & 1) === 1
    const isRoot = kind === 'root' || parent === undefined || isOver
    if (isRoot && kind === undefined) return undefined
    const asked = link && trace.getSpanContext(propagation.extract(ROOT_CONTEXT, { traceparent: link }))
    const links = [asked, isOver && kind === 'client' && parent.spanContext()]
    return tracer.startSpan(name, {
      kind: kind === 'client' ? SpanKind.CLIENT : SpanKind.INTERNAL,
      attributes,
      root: isRoot,
      links: links.flatMap((one) => (one ? { context: one } : [])),
    })
  }
  /** Its message may hold anything, so the kind of an error alone is told. */
  const fail = (span: Span, error: unknown): void => {
    const { code, name = 'Error' } = Object(error) as { code?: unknown; name?: string }
    const type = typeof error === 'string' ? error : typeof code === 'string' ? code : name
    span.setAttribute('error.type', type).setStatus({ code: SpanStatusCode.ERROR })
  }
  /** Runs the work in a span that ends with it. */
  const within = <R>(
    span: Span,
    work: () => R,
    told: (result: Awaited<R>) => Attributes = () => ({}),
    failed: (error: unknown) => void = (error) => fail(span, error),
  ): R => {
    const end = (result: Awaited<R>): Awaited<R> => {
      span.setAttributes(told(result)).end()
      return result
    }
    const given = context.with(trace.setSpan(context.active(), span), work)
    if (!(given instanceof Promise)) return end(given as Awaited<R>) as R
    return given.then(end, (error: unknown) => {
      failed(error)
      span.end()
      throw error
    }) as R
  }
  /** The two headers of W3C Trace Context alone: what else callers send is for nobody else. */
  const headersNow = (): Record<string, string> => {
    const { traceparent, tracestate } = injected()
    return { ...(traceparent && { traceparent }), ...(tracestate && { tracestate }) }
  }
  const injected = (): Record<string, string> => {
    const carrier: Record<string, string> = {}
    propagation.inject(context.active(), carrier)
    return carrier
  }
  const idsIn = (found: Context | undefined) => {
    const known = found && trace.getSpanContext(found)
    return known && { trace_id: known.traceId, span_id: known.spanId }
  }

  const stopRedis = spanRedisCommands(tracer, scripts, fail)

  const attempts =
    (exchange: Exchange, { origin, hostname, port, protocol }: URL): Exchange =>
    async (call) => {
      const { method, path, operation } = call
      const [template] = path.split('?')
      const sent = (context.active().getValue(attemptsKey) ?? {}) as Record<string, number>
      const resends = sent[operation] ?? 0
      sent[operation] = resends + 1
      const span = begin({
        name: `${method} ${template}`,
        kind: 'client',
        attributes: {
          'http.request.method': method,
          'url.full': `${origin}${path}`,
          'url.template': template as string,
          'server.address': hostname,
          'server.port': Number(port || (protocol === 'https:' ? 443 : 80)),
          ...(resends > 0 && { 'http.request.resend_count': resends }),
          'gateway.lane': call.context.lane,
        },
      }) as Span
      return within(
        span,
        () => exchange({ ...call, traceHeaders: headersNow() }),
        ({ status }) => ({ 'http.response.status_code': status }),
        (error) => {
          const { status } = ((error as Error).cause ?? {}) as { status?: number }
          if (status !== undefined) span.setAttribute('http.response.status_code', status)
          fail(span, status === undefined ? error : String(status))
        },
      )
    }

  return {
    ...noTracing,
    requestBegun: ({ url = '', method = '', headers, requestContext }) => {
      if (unseen.has(url)) return
      const caller = propagation.extract(ROOT_CONTEXT, headers)
      const known = methods.has(method) ? method : '_OTHER'
      const attributes = { 'http.request.method': known, 'url.scheme': 'http' }
      const span = tracer.startSpan(known, { kind: SpanKind.SERVER, attributes }, caller)
      requests.set(requestContext, trace.setSpan(caller, span))
    },
    inRequest: (work) => (res) => {
      const own = requests.get(res.req.requestContext)
      if (own) context.with(own, work, undefined, res)
      else work(res)
    },
    requestAnswered: (requestContext, status) => {
      const own = requests.get(requestContext)
      const span = own && trace.getSpan(own)
      if (!span?.isRecording()) return
      const { route, method, caller, freshness, code, requestId } = requestContext
      if (route !== 'unknown') span.updateName(`${methods.has(method) ? method : '_OTHER'} ${route}`)
      span.setAttributes({
        'http.response.status_code': status,
        ...(route !== 'unknown' && { 'http.route': route }),
        'gateway.request_id': requestId,
        ...(caller && { 'gateway.client': minterOf(caller.id) }),
        ...(freshness && { 'gateway.cache': freshness.how }),
        ...(code && { 'gateway.code': code }),
      })
      if (status >= 500) fail(span, code ?? String(status))
      span.end()
    },
    spans: (described, work, told) => {
      const run = (...args: never[]): unknown => {
        const span = begin(described(...(args as Parameters<typeof work>)))
        const of = told as ((result: unknown) => Attributes) | undefined
        return span ? within(span, () => work(...args), of) : work(...args)
      }
      return run as typeof work
    },
    detached:
      (work) =>
      (...args) =>
        context.with(ROOT_CONTEXT, () => work(...args)),
    attempts,
    calls: (exchange) => (call) =>
      context.with(context.active().setValue(attemptsKey, {}), () => exchange(call)),
    scriptDefined: (name, lua) => {
      scripts.set(lua, name).set(createHash('sha1').update(lua).digest('hex'), name)
    },
    traceparent: () => injected()['traceparent'],
    logFields: () => idsIn(context.active()) ?? {},
    logText: (requestContext) => {
      const ids = idsIn(requests.get(requestContext))
      return ids ? `,"trace_id":"${ids.trace_id}","span_id":"${ids.span_id}"` : ''
    },
    stop: async () => {
      stopRedis()
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, stopMs)
      })
      await Promise.race([provider.shutdown().catch(quiet), late])
      clearTimeout(timer)
    },
  }
}
