import type { IncomingMessage } from 'node:http'
import type { Freshness } from '../../cache/cache.ts'
import { type CsvColumns, writeCsv } from '../../writes/csv.ts'
import { bytesInSlices } from '../bytes-in-slices.ts'
import type { Headers } from '../header-writer.ts'

/**
 * A table as CSV, safe for spreadsheets, or as NDJSON. `asOf`: the time of the data, ms since 1970. It is part of the file
 * name, as in ISO 8601 without the colons that file names cannot have.
 */
export const tableFile = async <T>(
  contentType: string,
  table: {
    name: string
    asOf: number
    items: readonly T[]
    columns: CsvColumns<T>
    headers: Headers
    /** Of data from the cache. */
    freshness?: Freshness
  },
): Promise<{ bytes: Buffer; headers: Headers; freshness?: Freshness }> => {
  const { name, asOf, items, columns, headers, freshness } = table
  const isCsv = contentType.startsWith('text/csv')
  const fileName = `${name}-${new Date(asOf).toISOString().replaceAll(':', '')}.${isCsv ? 'csv' : 'ndjson'}`
  return {
    bytes: await bytesInSlices(isCsv ? writeCsv(columns, items) : linesOf(items)),
    headers: { 'Content-Disposition': `attachment; filename="${fileName}"`, ...headers },
    ...(freshness && { freshness }),
  }
}

/** Columns that have the name of their property. */
export const propertyColumns = <K extends string>(...names: K[]) =>
  Object.fromEntries(names.map((name) => [name, (item: Partial<Record<K, unknown>>) => item[name]])) as {
    [name in K]: <V>(item: { [key in name]?: V }) => V | undefined
  }

function* linesOf(items: readonly unknown[]): Generator<string> {
  for (const item of items) yield `${JSON.stringify(item)}\n`
}

/** The header that names the next page, where there is one. */
export const nextPage = (
  { originalUrl = '' }: IncomingMessage & { originalUrl?: string },
  cursor: string | null,
) => {
  if (cursor === null) return {}
  const [path, ...query] = originalUrl.split('?')
  const next = new URLSearchParams(query.join('?'))
  next.set('cursor', cursor)
  return { Link: `<${path}?${next}>; rel="next"` }
}
