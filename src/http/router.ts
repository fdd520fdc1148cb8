import type { Express, Request } from 'express'
import type { Caller } from '../access/caller.ts'
import type { Endpoint } from '../contract/endpoints.ts'
import { Failure } from '../errors.ts'
import type { Given } from './address.ts'
import type { Answer } from './answer.ts'
import type { Handler, Pipeline } from './pipeline.ts'

/** Endpoints bound to handlers, each behind the pipeline, mounted in Express. */
export const createRouter = (pipeline: Pipeline) => {
  const bound: ({ endpoint: Endpoint } & ReturnType<Pipeline>)[] = []
  return {
    endpoints: (): Endpoint[] => bound.map(({ endpoint }) => endpoint),
    /** Binds a handler to an endpoint of the contract. `/a/{id}:verb` comes before `/a/{id}`, which would take the verb for a part of the id. */
    bind: <E extends Endpoint>(endpoint: E, handle: Handler<E>): void => {
      bound.push({ endpoint, ...pipeline(endpoint, handle) })
    },
    /** What a bound endpoint answers within another request, whose caller was let in. */
    perform: async (endpoint: Endpoint, req: Request, caller: Caller, given: Given): Promise<Answer> => {
      const found = bound.find((each) => each.endpoint === endpoint)
      if (!found) throw new Failure('route.unknown')
      return found.perform(req, caller, given)
    },
    /** Routes everything bound so far. Another method on the same path is refused with 405 and Allow. */
    mount: (app: Express): void => {
      app.enable('case sensitive routing').enable('strict routing')
      for (const path of new Set(bound.map(({ endpoint }) => endpoint.path))) {
        const methods = bound.filter(({ endpoint }) => endpoint.path === path)
        const route = app.route(expressPath(path))
        for (const { endpoint, serve } of methods) route[endpoint.method](serve)
        const names = methods.map(({ endpoint }) => endpoint.method.toUpperCase())
        const Allow = names.join(', ').replace('GET', 'GET, HEAD')
        route.all((req) => {
          req.requestContext.route = path
          const detail = `The method came as ${req.method}. Wanted: ${Allow}.`
          throw new Failure('route.method', { detail, headers: { Allow } })
        })
      }
    },
  }
}

export type Router = ReturnType<typeof createRouter>

/**
 * `/v1/organizations/{org}` → `/v1/organizations/:org`; a colon that belongs to a verb is escaped. `{path}` stands for the rest
 * of a path, also an empty one.
 */
export const expressPath = (path: string): string =>
  path
    .replaceAll(':', '\\:')
    .replaceAll(/\{(\w+)\}/g, (_, name: string) => (name === 'path' ? '{*path}' : `:${name}`))
