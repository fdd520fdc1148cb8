import type { CsvForm } from './find-delimiter.ts'
import type { Row } from './operation.ts'

/** A row of a table. `line`: where it begins, from 1. A cell that is neither text nor empty, such as a date, is `false`. */
export type TableRow = {
  line: number
  cells: readonly (string | null | false)[]
  /** Why the row cannot be read. Its only cell is then the line as it stands. */
  fault?: string
}

// A cell of Excel holds at most so much. A quoted cell beyond it is a quote that somebody forgot to close.
const cellLengthMax = 32_767
const cellBreaksMax = 253
// Cells beyond are not told apart.
const cellsMax = 1000

// A longer row is no row of people.
const rowLengthMax = 256 * 1024

/**
 * The rows of a text file (RFC 4180) with any line ends. Lines count as an editor shows them, also after a line break
 * within quotes. A quote that is out of place spoils its line alone; the next line is read anew. Empty lines are no rows.
 */
export function* readCsv(text: string, { delimiter, start, line: first }: CsvForm): Generator<TableRow> {
  for (let at = start, line = first; at < text.length; line++) {
    if (lineEndAt(text, at) === 0) {
      const { cells, end, breaks, fault } = readRow(text, at, delimiter)
      if (end - at > rowLengthMax)
        yield { line, cells: [text.slice(at, at + cellLengthMax)], fault: 'length' }
      else yield { line, cells, ...(fault !== undefined && { fault }) }
      line += breaks
      at = end
    }
    at += lineEndAt(text, at)
  }
}

/** Characters of the line end at this place; 0: there is none. */
const lineEndAt = (text: string, at: number): number => {
  const code = text.charCodeAt(at)
  if (code === 13) return text.charCodeAt(at + 1) === 10 ? 2 : 1
  return code === 10 ? 1 : 0
}

type Cell = { content: string; end: number; breaks: number; isStray: boolean }

/** A row from `start` to its line end, which is at `end`. `breaks`: line breaks within its quotes. */
const readRow = (text: string, start: number, delimiter: string) => {
  const cells: Cell[] = []
  let at = start
  const whole = (end: number, fault?: string) => {
    const breaks = cells.reduce((sum, cell) => sum + cell.breaks, 0)
    const shown = fault ? [text.slice(start, end)] : cells.map(({ content }) => unescapeFormula(content))
    return { cells: shown, end, breaks, fault }
  }
  for (;;) {
    const cell =
      text[afterBlanks(text, at)] === '"' ? readQuoted(text, at, delimiter) : readPlain(text, at, delimiter)
    if (!cell) return whole(endOfCell(text, at, '\n'), 'quotes')
    cells.push(cell)
    if (text[cell.end] !== delimiter)
      return whole(cell.end, cells.some(({ isStray }) => isStray) ? 'quotes' : undefined)
    if (cells.length === cellsMax) return whole(endOfCell(text, cell.end, '\n'), 'columns')
    at = cell.end + 1
  }
}

const readPlain = (text: string, start: number, delimiter: string): Cell => {
  const end = endOfCell(text, start, delimiter)
  const content = text.slice(start, end)
  return { content, end, breaks: 0, isStray: content.includes('"') }
}

/** A cell in quotes, with blanks around them; undefined where it does not end as one. */
const readQuoted = (text: string, start: number, delimiter: string): Cell | undefined => {
  const opening = afterBlanks(text, start)
  const closeMax = opening + 2 * cellLengthMax
  let close = text.indexOf('"', opening + 1)
  while (close !== -1 && close < closeMax && text[close + 1] === '"') close = text.indexOf('"', close + 2)
  if (close === -1 || close > closeMax) return undefined
  const end = afterBlanks(text, close + 1)
  if (endOfCell(text, end, delimiter) > end) return undefined
  const content = text.slice(opening + 1, close).replaceAll('""', '"')
  const breaks = content.match(/\r\n|\r|\n/g)?.length ?? 0
  if (content.length > cellLengthMax || breaks > cellBreaksMax) return undefined
  return { content, end, breaks, isStray: false }
}

const afterBlanks = (text: string, start: number): number => {
  let at = start
  while (text[at] === ' ') at++
  return at
}

/** The place of the next delimiter or line end. A regular expression would keep each of its steps. */
const endOfCell = (text: string, start: number, delimiter: string): number => {
  const [mark, lf, cr] = [delimiter.charCodeAt(0), 10, 13]
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === mark || code === lf || code === cr) return at
  }
  return text.length
}

/** Undoes what `writeCsv` does. */
const unescapeFormula = (cell: string): string => cell.replace(/^'(?='*[=+\-@\t\r])/, '')

type CsvCell = string | number | null | undefined

/** How the cells of a row are read from an item, by the title of their column. */
export type CsvColumns<T> = Readonly<Record<string, (item: T) => CsvCell>>

/**
 * CSV for spreadsheets, line by line. A cell that looks like a formula gets a leading apostrophe, also if it already has
 * one. `readCsv` drops it.
 */
export function* writeCsv<T>(columns: CsvColumns<T>, items: Iterable<T>): Generator<string> {
  const shown = (value: CsvCell): string => {
    const text = String(value ?? '')
    const safe = typeof value === 'string' && /^'*[=+\-@\t\r]/.test(text) ? `'${text}` : text
    return /[",;\t\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
  }
  const line = (cells: readonly CsvCell[]): string => `${cells.map(shown).join(',')}\r\n`
  yield `\uFEFF${line(Object.keys(columns))}`
  const cellsOf = Object.values(columns)
  for (const item of items) yield line(cellsOf.map((cellOf) => cellOf(item)))
}

/** The report of an operation as CSV, line by line. */
export const writeReport = (rows: readonly Row[]): Generator<string> =>
  writeCsv<Row>(
    {
      line: (row) => row.line ?? row.index + 1,
      name: (row) => row.name ?? row.was?.name ?? row.undo?.name,
      outcome: (row) => row.outcome,
      id: (row) => row.id,
      reason: (row) => row.reason,
    },
    rows,
  )
