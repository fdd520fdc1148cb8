import { isUtf8 } from 'node:buffer'
import { Readable } from 'node:stream'
import { parse } from 'csv-parse'
import { nextSlice } from '../clock.ts'
import { cleanName, nameFault } from '../contract/names.ts'
import { Failure } from '../errors.ts'
import type { Row } from './operation.ts'

export const importRowsMax = 50_000
const headerNames = ['name', 'nom', "ім'я", 'ім’я', 'імʼя']
// A fifth of a millisecond's work.
const pieceBytes = 2 * 1024

const broken = (code: string, detail: string, line?: number): Failure =>
  new Failure('request.invalid-body', {
    errors: [{ pointer: line === undefined ? '' : `/line/${line}`, code, detail }],
  })

/**
 * The rows of a CSV file, each with its line. The file is UTF-8, with or without a byte order mark, with any line ends, and
 * with quotes. The header decides whether `,` `;` or tab separates. The names are in the column headed `column`, otherwise
 * name, nom or ім'я. An invalid name becomes a rejected row with its reason. « Importation groupée »
 * @throws Failure `request.invalid-body` for a file that is no such table
 */
export const readNames = async (bytes: Buffer, column?: string): Promise<Row[]> => {
  refuseOtherFormats(bytes)
  const parser = parse({
    delimiter: delimiterOf(bytes.toString()),
    record_delimiter: ['\r\n', '\n', '\r'],
    bom: true,
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_empty_values: true,
    max_record_size: 1_000_000,
    info: true,
  })
  const rows: Row[] = []
  let header: { place: number; cells: number } | undefined
  try {
    for await (const { record, info } of Readable.from(pieces(bytes)).pipe(parser)) {
      const [cells, line] = [record as string[], info.lines as number]
      if (!header) header = { place: columnOf(cells, column), cells: cells.length }
      else if (rows.length === importRowsMax) throw broken('length', `At most ${importRowsMax} rows.`, line)
      else {
        const surplus = cells.slice(header.cells).some((cell) => cell.trim() !== '')
        rows.push(rowOf(rows.length, line, cells[header.place], surplus))
      }
    }
  } catch (error) {
    if (error instanceof Failure) throw error
    throw broken('csv', 'The file is not well-formed CSV.', (error as { lines?: number }).lines)
  }
  if (rows.length === 0) throw broken('empty', 'The file has no rows below its header.')
  return rows
}

/** `surplus`: the line has more cells than the header, so it is not known which of them is the name. */
const rowOf = (index: number, line: number, cell: string | undefined, surplus: boolean): Row => {
  const fault = surplus ? 'columns' : cell === undefined ? 'blank' : nameFault(cell)?.code
  if (!fault) return { index, line, name: cleanName(cell as string), outcome: 'pending' }
  const name = (cell ?? '').slice(0, 200).toWellFormed()
  return { index, line, name, outcome: 'rejected', reason: `name.${fault}` }
}

const refuseOtherFormats = (bytes: Buffer): void => {
  if (bytes.subarray(0, 4).toString('latin1') === 'PK\x03\x04')
    throw broken('encoding', 'This is a spreadsheet or an archive. Save it as CSV (UTF-8).')
  if (!isUtf8(bytes) || bytes.includes(0))
    throw broken('encoding', 'The file is not UTF-8. Save it as CSV (UTF-8).')
}

/** Bytes, not text: the parser joins a character that lies across two pieces. Other work runs between them. */
async function* pieces(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    yield bytes.subarray(at, at + pieceBytes)
    await nextSlice()
  }
}

const delimiterOf = (text: string): string => {
  const header = (/[^\r\n]+/.exec(text)?.[0] ?? '').replaceAll(/"[^"]*"/g, '')
  const counted = [',', ';', '\t'].map((delimiter) => ({ delimiter, count: header.split(delimiter).length }))
  return counted.reduce((best, next) => (next.count > best.count ? next : best)).delimiter
}

const columnOf = (header: string[], column: string | undefined): number => {
  const wanted = column === undefined ? headerNames : [column.trim().toLowerCase()]
  const found = header.flatMap((cell, place) => (wanted.includes(cell.trim().toLowerCase()) ? [place] : []))
  if (found.length === 1) return found[0] as number
  const detail =
    found.length === 0
      ? `No column is headed ${wanted.join(', ')}. Name the column with ?column=.`
      : 'More than one column has that header.'
  throw broken('header', detail, 1)
}

/** Rows as CSV for spreadsheets. A cell that looks like a formula gets a leading apostrophe, also if it already has one. */
export const writeReport = (rows: readonly Row[]): string => {
  const cell = (value: string | number | undefined): string => {
    const text = String(value ?? '')
    const safe = typeof value === 'string' && /^'*[=+\-@\t\r]/.test(text) ? `'${text}` : text
    return /[",;\t\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
  }
  const lines = rows.map((row) =>
    [row.line ?? row.index + 1, row.name, row.outcome, row.id, row.reason].map(cell).join(','),
  )
  return `\uFEFF${['line,name,outcome,id,reason', ...lines].join('\r\n')}\r\n`
}
