import { type Clock, inSlices } from '../clock.ts'
import type { ImportQuery, ReadFile, SentFile } from '../contract/import.ts'
import { cleanName, nameFault } from '../contract/names.ts'
import { readCsv, type TableRow } from './csv.ts'
import { decodeText } from './decode-text.ts'
import { brokenFile, refuseOtherFormats } from './file-format.ts'
import { findDelimiter } from './find-delimiter.ts'
import { findNameColumn, type NameColumn } from './name-column.ts'
import type { Row } from './operation.ts'
import { createSheetReader } from './xlsx.ts'

export const importRowsMax = 50_000
// No name of at most 100 units has a longer form that is not NFC.
const cellMax = 1000

type FileQuery = Pick<ImportQuery, 'column' | 'header' | 'sheet' | 'charset'>

/** The rows of a file to import, and how it was read. @throws Failure `request.invalid-body` for a file that is no table */
export type ReadImportFile = (file: SentFile, query: FileQuery) => Promise<{ rows: Row[]; file: ReadFile }>

/**
 * Reads a CSV file or an Excel workbook, judged by its content. A name that is none becomes a rejected row with its reason,
 * never a row that is missing. At most 50,000 rows. « Importation groupée »
 */
export const createImportFileReader = (clock: Clock): ReadImportFile => {
  const readSheet = createSheetReader(clock)
  return async ({ bytes, contentType }, query) => {
    if (refuseOtherFormats(bytes) === 'zip') {
      const { sheet, rows: table } = await readSheet(bytes, query.sheet)
      return collect(table, query, { format: 'xlsx', sheet })
    }
    const declared = /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(contentType)?.[1]
    const { pieces, charset, note } = await decodeText(bytes, query.charset, declared)
    const form = findDelimiter(pieces)
    const how = { format: 'csv', charset, delimiter: form.delimiter } as const
    return collect(readCsv(pieces, form), query, how, note)
  }
}

/** Names of the rows below the header, in slices of the event loop. */
const collect = async (
  table: Iterable<TableRow>,
  query: FileQuery,
  how: Pick<ReadFile, 'format' | 'charset' | 'delimiter' | 'sheet'>,
  ...notes: (string | undefined)[]
): Promise<{ rows: Row[]; file: ReadFile }> => {
  const rows: Row[] = []
  let names: NameColumn | undefined
  let width = 0
  await inSlices(table, (row) => {
    if (row.cells.every(isBlank)) return
    if (!names) {
      names = findNameColumn(row, query)
      width = row.cells.length
      if (names.hasHeader) return
    }
    if (rows.length === importRowsMax)
      throw brokenFile('length', `It has more than ${importRowsMax} rows.`, row.line)
    rows.push(rowOf(rows.length, row, names.indexes, width))
  })
  if (!names || rows.length === 0) throw brokenFile('empty', 'It has no rows with names.')
  const said = [...notes, names.note].filter((note) => note !== undefined)
  return { rows, file: { ...how, columns: names.titles, notes: said } }
}

const isBlank = (cell: TableRow['cells'][number]): boolean => cell !== false && (cell ?? '').trim() === ''

const rowOf = (index: number, row: TableRow, columns: readonly number[], width: number): Row => {
  const cells = row.fault === undefined ? columns.map((column) => row.cells[column] ?? '') : row.cells
  const text = cells
    .map((cell) => (cell || '').slice(0, cellMax).trim())
    .filter((part) => part !== '')
    .join(' ')
  // Beyond the header nobody can say which of the cells is the name.
  const isWider = !row.cells.slice(width).every(isBlank)
  const fault = row.fault ?? (isWider ? 'columns' : cells.includes(false) ? 'type' : nameFault(text)?.code)
  const { line } = row
  if (!fault) return { index, line, name: ownText(cleanName(text)), outcome: 'pending' }
  const shown = text.slice(0, 200).toWellFormed()
  return { index, line, name: shown, outcome: 'rejected', reason: `name.${fault}` }
}

/** A copy: a part of a string would keep the text of the whole file in memory. */
const ownText = (text: string): string => Buffer.from(text).toString()
