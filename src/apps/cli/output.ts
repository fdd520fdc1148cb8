import { escapeControls } from '../../escape-controls.ts'

export type Shown = { json?: boolean }

/** Talk goes to stderr, data to stdout. */
export const say = (text: string): void => void process.stderr.write(`${text}\n`)

/** Whether a person reads stdout. */
const isForPeople = ({ json }: Shown): boolean => !json && process.stdout.isTTY === true

/** A value in a cell. */
const cellOf = (value: unknown): string => {
  const isRows = Array.isArray(value) && typeof value[0] === 'object'
  const text = isRows
    ? `${value.length}, see --json`
    : Array.isArray(value)
      ? value.join(' ')
      : String(value ?? '')
  return escapeControls(text)
}

/** A table for people, else one JSON value a line. */
export const showRows = <T extends object>(
  rows: readonly T[],
  columns: readonly (keyof T & string)[],
  shown: Shown,
): void => {
  if (!isForPeople(shown)) {
    showJson(...rows)
    return
  }
  const cells = [
    columns.map((name) => name.replaceAll(/[A-Z]/g, ' $&').toUpperCase()),
    ...rows.map((row) => columns.map((name) => cellOf(row[name]))),
  ]
  const widths = columns.map((_, at) => Math.max(...cells.map((row) => row[at]?.length ?? 0)))
  for (const row of cells)
    process.stdout.write(
      `${row
        .map((text, at) => text.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd()}\n`,
    )
}

/** One line a field for people, else JSON. */
export const showObject = (value: object, shown: Shown): void => {
  if (!isForPeople(shown)) {
    showJson(value)
    return
  }
  const known = Object.entries(value).filter(([, field]) => field !== null && field !== undefined)
  const width = Math.max(...known.map(([name]) => name.length))
  for (const [name, field] of known) {
    const text = typeof field === 'object' && !Array.isArray(field) ? JSON.stringify(field) : cellOf(field)
    process.stdout.write(`${name.padEnd(width)}  ${text}\n`)
  }
}

/** A sentence for people, else JSON. */
export const showLine = (value: object, sentence: string, shown: Shown): void => {
  if (isForPeople(shown)) process.stdout.write(`${cellOf(sentence)}\n`)
  else showJson(value)
}

const showJson = (...values: object[]): void => {
  for (const value of values) process.stdout.write(`${JSON.stringify(value)}\n`)
}
