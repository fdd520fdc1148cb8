import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { LRUCache } from 'lru-cache'
import type { Authenticate } from '../access/authenticate.ts'
import { hasScope } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import type { ClientLimit } from '../access/client-limit.ts'
import { atMost } from '../at-most.ts'
import type { Freshness } from '../cache/cache.ts'
import type { Endpoint } from '../contract/endpoints.ts'
import type { Scope } from '../contract/scopes.ts'
import { negotiateType } from './negotiate.ts'
import { preparedBodyOf } from './prepared-body.ts'
import { respond } from './respond.ts'
import type { ResponseBatcher } from './response-batcher.ts'

/**
 * Finds the body of a URL again in memory; undefined when no fresh list is there any more.
 * @throws Failure `organization.unknown` when the caller may not touch the organization
 */
export type CachedLookup = (caller: Caller) => { keptBody: Buffer; freshness: Freshness } | undefined

// Callers choose their URLs: together these bound the table.
const urlsMax = 20_000
const urlMax = 512
/** Whether the headers ask for nothing more than a list. */
const isOrdinary = (headers: IncomingHttpHeaders): boolean =>
  headers.cookie === undefined &&
  headers.origin === undefined &&
  headers.range === undefined &&
  headers.expect === undefined &&
  headers.upgrade === undefined &&
  headers['cache-control'] === undefined &&
  headers['if-match'] === undefined &&
  headers['transfer-encoding'] === undefined &&
  // Some clients say of each request how long its body is.
  (headers['content-length'] ?? '0') === '0'

type Known = { endpoint: Endpoint; cachedLookup: CachedLookup }

/** Undefined for a table as a file: it is made for each request. */
const lookUp = ({ endpoint, cachedLookup }: Known, type: string, caller: Caller) =>
  endpoint.producesToo?.some((media) => type.startsWith(media)) ? undefined : cachedLookup(caller)

/**
 * Answers repeated reads without Express, by the same authentication, rights, limit and `respond`. Anything unusual, and
 * every refusal, is left to Express. The gateway answers the same without this file.
 */
export const createFastPath = (options: {
  authenticate: Authenticate
  limit: ClientLimit
  responseBatcher: ResponseBatcher
}) => {
  const { authenticate, limit, responseBatcher } = options
  const urls = new LRUCache<string, Known>(atMost(urlsMax))

  return {
    remember: (url: string, endpoint: Endpoint, cachedLookup: CachedLookup): void => {
      if (url.length <= urlMax) urls.set(url, { endpoint, cachedLookup })
    },
    /** Answers an ordinary read of a URL that was answered before. False: nothing was sent, Express answers. */
    answer: (req: IncomingMessage, res: ServerResponse): boolean => {
      if (req.method !== 'GET' && req.method !== 'HEAD') return false
      const { headers, requestContext } = req
      const known = urls.get(req.url as string)
      if (!known || !isOrdinary(headers)) return false
      try {
        const { endpoint } = known
        const caller = authenticate({ headers, dropIn: endpoint.dropIn ?? false, ownOrigin: () => '' })
        if (caller instanceof Promise) {
          requestContext.pendingCaller = caller
          // The request may wait, or its client may leave: a refusal that nobody awaits yet must not end the process.
          caller.catch(() => {})
          return false
        }
        if (!hasScope(caller, endpoint.scope as Scope)) return false
        limit.take(caller)
        requestContext.caller = caller
        const type = negotiateType(endpoint, headers.accept)
        const found = lookUp(known, type, caller)
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
        return false // Express sends the refusal.
      }
    },
  }
}

export type FastPath = ReturnType<typeof createFastPath>
