import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { LRUCache } from 'lru-cache'
import type { Authenticate } from '../access/authenticate.ts'
import type { Caller } from '../access/caller.ts'
import type { ClientLimit } from '../access/client-limit.ts'
import type { Freshness } from '../cache/cache.ts'
import type { Endpoint } from '../contract/endpoints.ts'
import { negotiateType } from './negotiate.ts'
import { preparedBodyOf } from './prepared-body.ts'
import { respond } from './respond.ts'
import type { ResponseBatcher } from './response-batcher.ts'

/**
 * Finds the body of a URL again in memory; undefined when no fresh list is there any more.
 * @throws Failure `organization.unknown` when the caller may not touch the organization
 */
export type CachedLookup = (caller: Caller) => { keptBody: Buffer; freshness: Freshness } | undefined

export type FastPath = {
  /** Remembers how a URL was answered. */
  remember(url: string, endpoint: Endpoint, cachedLookup: CachedLookup): void
  /** Answers an ordinary read of a URL that was answered before; false: nothing was done, Express takes it. */
  answer(req: IncomingMessage, res: ServerResponse): boolean
}

// Together they bound the table: a caller chooses its own URLs and texts.
const urlsMax = 20_000
const urlMax = 512
/** Nothing in it makes a request more than the read of a list. */
const isOrdinary = (headers: IncomingHttpHeaders): boolean =>
  headers.cookie === undefined &&
  headers.origin === undefined &&
  headers.range === undefined &&
  headers.expect === undefined &&
  headers.upgrade === undefined &&
  headers['cache-control'] === undefined &&
  headers['if-match'] === undefined &&
  headers['transfer-encoding'] === undefined &&
  headers['content-length'] === undefined

/**
 * The same read again without Express: the same authentication, the same right, the same limit and the same `respond`, asked
 * before the app. Whatever is not ordinary, and every refusal, falls through. Without this file everything still works.
 */
export const createFastPath = (options: {
  authenticate: Authenticate
  limit: ClientLimit
  responseBatcher: ResponseBatcher
}): FastPath => {
  const { authenticate, limit, responseBatcher } = options
  const urls = new LRUCache<string, { endpoint: Endpoint; cachedLookup: CachedLookup }>({ max: urlsMax })

  return {
    remember: (url, endpoint, cachedLookup) => {
      if (url.length <= urlMax) urls.set(url, { endpoint, cachedLookup })
    },
    answer: (req, res) => {
      if (req.method !== 'GET' && req.method !== 'HEAD') return false
      const known = urls.get(req.url as string)
      if (!known) return false
      const { headers, requestContext } = req
      if (!isOrdinary(headers)) return false
      try {
        const { endpoint, cachedLookup } = known
        const caller = authenticate({ headers, dropIn: endpoint.dropIn ?? false, ownOrigin: () => '' })
        if (caller instanceof Promise) {
          requestContext.pendingCaller = caller
          return false
        }
        if (!caller.scopes.has(endpoint.scope as never)) return false
        limit(caller)
        requestContext.caller = caller
        const type = negotiateType(endpoint, headers.accept)
        const found = cachedLookup(caller)
        if (!found) return false
        requestContext.route = endpoint.path
        requestContext.freshness = found.freshness
        responseBatcher.send(
          req,
          res,
          respond(preparedBodyOf(found.keptBody), headers, found.freshness, type, endpoint.dropIn),
        )
        return true
      } catch {
        return false // a refusal: Express refuses in full
      }
    },
  }
}
