import type { Express } from 'express'
import type { Clock } from '../clock.ts'
import type { Endpoint } from '../contract/endpoints.ts'
import { Failure } from '../errors.ts'
import { createEventStreams } from './event-stream.ts'
import type { FastPath } from './fast-path.ts'
import { createPipeline, type Handler, type PipelineOptions, type Reader, type Serve } from './pipeline.ts'
import type { Observe } from './response-batcher.ts'

export type Router = {
  /** Binds a handler to an endpoint of the contract. `read` turns the checked body into what the handler works with. */
  bind<E extends Endpoint, B = Parameters<Handler<E>>[0]['body']>(
    endpoint: E,
    handle: Handler<E, B>,
    read?: Reader<E, B>,
  ): void
  /** Routes everything bound so far. Another method on the same path is refused with 405 and Allow. */
  mount(app: Express): void
  endpoints: Endpoint[]
  /** Answers repeated reads without Express. */
  fastPath: FastPath
  /** Ends all event streams; their readers reconnect, to another instance. */
  endStreams(): void
}

type Options = Omit<PipelineOptions, 'streams'> & {
  clock: Clock
  observe: Observe
  closing(): boolean
}

/** Endpoints bound to handlers, each behind the pipeline, mounted in Express. */
export const createRouter = (options: Options): Router => {
  const streams = createEventStreams(options)
  const pipeline = createPipeline({ ...options, streams })
  const endpoints: Endpoint[] = []
  const bound = new Map<string, { method: Endpoint['method']; serve: Serve }[]>()
  return {
    endpoints,
    fastPath: options.fastPath,
    endStreams: streams.endAll,
    bind: (endpoint, handle, read) => {
      const { path, method } = endpoint
      endpoints.push(endpoint)
      bound.set(path, [...(bound.get(path) ?? []), { method, serve: pipeline(endpoint, handle, read) }])
    },
    mount: (app) => {
      app.enable('case sensitive routing').enable('strict routing')
      // `/operations/{id}:cancel` before `/operations/{id}`, which would take the verb for a part of the id.
      const paths = [...bound].toSorted(([a], [b]) => Number(b.includes('}:')) - Number(a.includes('}:')))
      for (const [path, methods] of paths) {
        const route = app.route(expressPath(path))
        for (const { method, serve } of methods)
          route[method]((req, res) => {
            req.requestContext.route = path
            return serve(req, res)
          })
        const allowed = methods.flatMap(({ method }) =>
          method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()],
        )
        route.all((req) => {
          req.requestContext.route = path
          throw new Failure('route.method', { headers: { Allow: allowed.join(', ') } })
        })
      }
    },
  }
}

/** `/v1/organizations/{org}` → `/v1/organizations/:org`; a colon that belongs to a verb is escaped. */
export const expressPath = (path: string): string =>
  path.replaceAll(':', '\\:').replaceAll(/\{(\w+)\}/g, ':$1')
