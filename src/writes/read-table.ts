import type { ImportQuery, ReadFile, SentFile } from '../contract/import.ts'
import { cleanName, nameFault } from '../contract/names.ts'
import { readCsv, type TableRow } from './csv.ts'
import { decodeText } from './decode-text.ts'
import { brokenFile, refuseOtherFormats } from './file-format.ts'
import { findDelimiter } from './find-delimiter.ts'
import { findNameColumn, type NameColumn } from './name-column.ts'
import type { Row } from './operation.ts'

export const importRowsMax = 50_000
// No name of at most 100 units has a longer form that is not NFC.
const cellMax = 1000

export type FileQuery = Pick<ImportQuery, 'column' | 'header' | 'sheet' | 'charset'>

/** The rows of a table, and how it was read. */
export type ReadTable = { rows: Row[]; file: ReadFile }

/**
 * Reads a CSV file or an Excel workbook, judged by its content. A name that is none becomes a rejected row with its reason,
 * never a row that is missing. At most 50,000 rows.
 * @throws Failure `request.invalid-body` for a file that is no table
 */
export const readTable = async (file: SentFile, query: FileQuery): Promise<ReadTable> => {
  if (refuseOtherFormats(file.bytes) === 'text') return readText(file, query)
  const { readWorkbook } = await import('./workbook.ts')
  const { sheet, rows } = await readWorkbook(file.bytes, query.sheet)
  return collect(rows, query, { format: 'xlsx', sheet })
}

/** Reads a text file. @throws Failure `request.invalid-body` */
export const readText = ({ bytes, contentType }: SentFile, query: FileQuery): ReadTable => {
  const declared = /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(contentType)?.[1]
  const { text: whole, charset, note } = decodeText(bytes, query.charset, declared)
  // The end mark of DOS.
  const text = whole.replace(/\x1a\s*$/, '')
  const form = findDelimiter(text)
  return collect(readCsv(text, form), query, { format: 'csv', charset, delimiter: form.delimiter }, note)
}

/** Names of the rows below the header. */
const collect = (
  table: Iterable<TableRow>,
  query: FileQuery,
  how: Pick<ReadFile, 'format' | 'charset' | 'delimiter' | 'sheet'>,
  ...notes: (string | undefined)[]
): ReadTable => {
  const rows: Row[] = []
  let names: NameColumn | undefined
  let width = 0
  for (const row of table) {
    if (row.cells.every(isBlank)) continue
    if (!names) {
      names = findNameColumn(row, query)
      width = row.cells.length
      if (names.hasHeader) continue
    }
    if (rows.length === importRowsMax)
      throw brokenFile('length', `It has more than ${importRowsMax} rows.`, row.line)
    rows.push(rowOf(rows.length, row, names.indexes, width))
  }
  if (!names || rows.length === 0) throw brokenFile('empty', 'It has no rows with names.')
  const said = [...notes, names.note].filter((note) => note !== undefined)
  return { rows, file: { ...how, columns: names.titles, notes: said } }
}

const isBlank = (cell: TableRow['cells'][number]): boolean => cell !== false && (cell ?? '').trim() === ''

/** What a spreadsheet shows where a formula has no value, in its language: `#N/A`, `#REF!`, `#Н/Д`, `Err:502`. */
const formulaError = /^(#[\p{Lu}\d/'’_]+[!?]|#\p{Lu}\/\p{Lu}|#NV|#GETTING_DATA|Err:\d{3})$/u

const isNoText = (cell: TableRow['cells'][number]): boolean =>
  cell === false || formulaError.test((cell ?? '').trim())

const rowOf = (index: number, row: TableRow, columns: readonly number[], width: number): Row => {
  const cells = row.fault === undefined ? columns.map((column) => row.cells[column] ?? '') : row.cells
  const text = cells
    .map((cell) => (cell || '').slice(0, cellMax).trim())
    .filter((part) => part !== '')
    .join(' ')
  // Beyond the header nobody can say which of the cells is the name.
  const isWider = !row.cells.slice(width).every(isBlank)
  const fault = row.fault ?? (isWider ? 'columns' : cells.some(isNoText) ? 'type' : nameFault(text)?.code)
  const { line } = row
  if (!fault) return { index, line, name: cleanName(text), outcome: 'pending' }
  const shown = text.slice(0, 200).toWellFormed()
  return { index, line, name: shown, outcome: 'rejected', reason: `name.${fault}` }
}
