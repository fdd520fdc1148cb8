import type { IncomingMessage } from 'node:http'
import type { Freshness } from '../../cache/cache.ts'
import { writeCsv } from '../../writes/csv.ts'
import type { Headers } from '../header-writer.ts'

type Cell = Parameters<typeof writeCsv>[1][number][number]

/**
 * A table as CSV, safe for spreadsheets, or as NDJSON. `asOf`: the time of the data, ms since 1970. It is part of the file
 * name, as in ISO 8601 without the colons that file names cannot have.
 */
export const tableFile = <T>(
  contentType: string,
  table: {
    name: string
    asOf: number
    items: readonly T[]
    columns: Readonly<Record<string, (item: T) => Cell>>
    headers: Headers
    /** Of data from the cache. */
    freshness?: Freshness
  },
): { bytes: Buffer; headers: Headers; freshness?: Freshness } => {
  const { name, asOf, items, columns, headers, freshness } = table
  const isCsv = contentType.startsWith('text/csv')
  const fileName = `${name}-${new Date(asOf).toISOString().replaceAll(':', '')}.${isCsv ? 'csv' : 'ndjson'}`
  const cells = Object.values(columns)
  const text = isCsv
    ? writeCsv(
        Object.keys(columns),
        items.map((item) => cells.map((cell) => cell(item))),
      )
    : items.map((item) => `${JSON.stringify(item)}\n`).join('')
  return {
    bytes: Buffer.from(text),
    headers: { 'Content-Disposition': `attachment; filename="${fileName}"`, ...headers },
    ...(freshness && { freshness }),
  }
}

/** The header that names the next page, where there is one. */
export const nextPage = (
  { originalUrl = '' }: IncomingMessage & { originalUrl?: string },
  cursor: string | null,
) => {
  if (cursor === null) return {}
  const [path, query] = originalUrl.split('?')
  const next = new URLSearchParams(query)
  next.set('cursor', cursor)
  return { Link: `<${path}?${next}>; rel="next"` }
}
