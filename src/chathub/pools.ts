import { isIP } from 'node:net'
import type { Dispatcher } from 'undici'
import { createDispatcher } from '../outbound.ts'
import { createLookup } from './lookup.ts'

/** The most bytes of an answer. */
export const bodyMax = 8 * 1024 * 1024

export type PoolOptions = {
  origin: URL
  /** Undefined: ChatHub is reached directly. */
  proxy: URL | undefined
  timeoutMs: number
  /** How long an unused connection is kept, unless ChatHub's Keep-Alive header says less. */
  idleMs: number
}

/** `used`: connections are kept for further requests. `fresh`: each request has a connection of its own. */
export type Pools = { used: Dispatcher; fresh: Dispatcher; close(): Promise<void> }

export const createPools = ({ origin, proxy, timeoutMs, idleMs }: PoolOptions): Pools => {
  const pool = (): Dispatcher =>
    createDispatcher(origin, proxy, {
      connections: 64,
      pipelining: 1,
      connectMs: timeoutMs,
      lookup: isLocal(origin) ? undefined : createLookup(),
      headersTimeout: 0,
      // The rest of a refusal is read without a caller; this limit frees its connection if the body stops.
      bodyTimeout: timeoutMs,
      maxResponseSize: bodyMax,
      keepAliveTimeout: idleMs,
      // A connection is dropped a second before the Keep-Alive header of ChatHub allows ChatHub to drop it.
      keepAliveTimeoutThreshold: 1000,
    })
  const [used, fresh] = [pool(), pool()]
  return { used, fresh, close: async () => void (await Promise.all([used.destroy(), fresh.destroy()])) }
}

/** A simulator, or a ChatHub that is configured by its address. */
const isLocal = (origin: URL): boolean =>
  origin.protocol === 'http:' ||
  isIP(origin.hostname.replace(/^\[|\]$/g, '')) !== 0 ||
  origin.hostname === 'localhost'
