import type { Request, Response } from 'express'
import type { Authenticate } from '../access/authenticate.ts'
import type { Caller } from '../access/caller.ts'
import type { ClientLimit } from '../access/client-limit.ts'
import type { Endpoint } from '../contract/endpoints.ts'
import { maxOf } from './body.ts'
import type { BodyMemory } from './body-memory.ts'

/** Bytes, and keys or entries of JSON, that cost as much as one request. */
const bytesPerToken = 64 * 1024
const partsPerToken = 2000

/** The tokens that so much costs besides the one of its request. */
export const tokensOf = (bytes: number, parts = 0): number =>
  Math.floor(bytes / bytesPerToken) + Math.floor(parts / partsPerToken)

const nothing = (): void => {}

export type Admitted = {
  caller: Caller
  /** Takes tokens for work that the request has caused. */
  charge(tokens: number): void
  /**
   * Takes tokens for an answer that was made for this request alone. A large one counts as in flight until it is received.
   * @throws Failure `limit.concurrency`, `server.overloaded`
   */
  hold(res: Response, bytes: number): void
  leave(): void
}

/**
 * Finds the caller of a request and applies its limits before anything of the body is read. A caller without a credential
 * is limited by its address where the endpoint takes a body.
 */
export const createAdmission = (options: {
  limit: ClientLimit
  addressLimit: ClientLimit
  anonymousRequestsPerMinute: number
  bodyMemory: BodyMemory
  clientConcurrency: number
}) => {
  const anonymousOf = (req: Request): Caller => ({
    id: `address ${networkOf(req.ip ?? '')}`,
    kind: 'key',
    scopes: new Set(),
    organizations: new Set(),
    requestsPerMinute: options.anonymousRequestsPerMinute,
    expiresAt: undefined,
  })

  /** Counts the bytes of a body too. */
  const withMemory = (bytes: number, leaveLimit: () => void): (() => void) => {
    try {
      const leaveMemory = options.bodyMemory.enter(bytes)
      return () => {
        leaveMemory()
        leaveLimit()
      }
    } catch (error) {
      leaveLimit()
      throw error
    }
  }

  /** @throws Failure of `authenticate`; `limit.exceeded`, `limit.concurrency`, `server.overloaded` */
  return async (
    endpoint: Endpoint,
    req: Request,
    authenticate: () => ReturnType<Authenticate>,
  ): Promise<Admitted> => {
    const { requestContext } = req
    const isOpen = endpoint.scope === 'open'
    if (isOpen && !endpoint.body)
      return { caller: anonymousOf(req), charge: nothing, hold: nothing, leave: nothing }
    const limit = isOpen ? options.addressLimit : options.limit
    // The fast path may have counted the request already.
    const isCounted = requestContext.caller !== undefined
    if (!isOpen) requestContext.caller ??= await (requestContext.pendingCaller ?? authenticate())
    const caller = requestContext.caller ?? anonymousOf(req)
    if (!isCounted) limit.take(caller)
    const bytes = bytesOf(endpoint, req)
    const leaveLimit = limit.enter(caller, 1 + tokensOf(bytes))
    const leave = bytes === 0 ? leaveLimit : withMemory(bytes, leaveLimit)
    // The bytes arrive whatever the answer is.
    limit.charge(caller, tokensOf(bytes))
    const charge = (tokens: number): void => limit.charge(caller, tokens)
    const hold = (res: Response, size: number): void => {
      const tokens = tokensOf(size)
      charge(tokens)
      // Nobody receives the answer to a client that has left.
      if (tokens === 0 || res.destroyed) return
      // The request is in flight itself, and a client with no other one is never refused.
      const weight = Math.min(tokens, options.clientConcurrency - 1)
      res.once('close', limit.enter(caller, weight))
      options.bodyMemory.hold(res, size)
    }
    return { caller, charge, hold, leave }
  }
}

export type Admit = ReturnType<typeof createAdmission>

/** The bytes of the body: as declared, or the most that the endpoint takes. */
const bytesOf = (endpoint: Endpoint, { headers }: Request): number => {
  const declared =
    headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : Infinity
  return Math.min(declared, maxOf(endpoint))
}

/** An IPv4 address, or the /64 of an IPv6 address, of which one subscriber has all. */
const networkOf = (address: string): string => {
  if (!address.includes(':') || address.includes('.')) return address
  const [head = [], tail] = address.split('::').map((part) => part.split(':').filter(Boolean))
  const zeros = tail ? Array<string>(Math.max(0, 8 - head.length - tail.length)).fill('0') : []
  return [...head, ...zeros, ...(tail ?? [])].slice(0, 4).join(':')
}
