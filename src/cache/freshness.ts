import type { Copy } from './memory.ts'

/** How an answer came about, for Age and Cache-Status (RFC 9211). */
export type Freshness = {
  ageMs: number
  /** How much longer the copy is fresh; negative: it is served stale. */
  ttlMs: number
  how: 'hit' | 'revalidated' | 'stale' | 'stale-after-failure' | 'loaded' | 'collapsed'
  /** Status of the failed attempt, for `stale-after-failure`. */
  failedStatus?: number | undefined
}
export type Read<T> = { copy: Copy<T>; freshness: Freshness }

/** What readers got, and which event is counted. */
export const told = {
  hit: ['hit', 'fresh'],
  revalidated: ['stale', 'revalidated'],
  stale: ['stale', 'stale'],
  'stale-after-failure': ['stale', 'stale'],
  loaded: ['miss', 'waited'],
  collapsed: ['collapsed', 'waited'],
} as const
