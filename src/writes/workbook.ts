import { type Unzipped, unzipSync, zipSync } from 'fflate'
import { readSheet, type SheetData, SheetNotFoundError } from 'read-excel-file/universal'
import { isFailure } from '../errors.ts'
import type { TableRow } from './csv.ts'
import { brokenFile, tooLarge } from './file-format.ts'

const unpackedMax = 64 * 1024 * 1024

/**
 * One sheet of an Excel workbook. The library may need memory and time without end, so it runs in a thread alone.
 * @throws Failure `request.invalid-body`
 */
export const readWorkbook = async (bytes: Uint8Array, wanted = '1') => {
  try {
    const files = withoutMisread(unpack(bytes))
    const names = await sheetNames(files)
    const place = placeOf(names, wanted)
    const sheet = names[place]
    if (sheet === undefined) {
      const shown = names.slice(0, 20).map((name, index) => `${index + 1} “${name}”`)
      throw brokenFile('sheet', `The workbook has no such sheet. It has: ${shown.join(', ')}.`)
    }
    return { sheet, rows: rowsOf(await readSheet(pack(files), place + 1)) }
  } catch (error) {
    if (isFailure(error)) throw error
    throw brokenFile(
      'broken',
      'It cannot be read as an Excel workbook. Open it in a spreadsheet program and save it again, or save the sheet as CSV UTF-8.',
    )
  }
}

/**
 * The files of the workbook that hold XML. unzipSync allocates what the directory of an archive declares and no more, so no
 * other code meets a zip bomb.
 */
const unpack = (bytes: Uint8Array): Unzipped => {
  let size = 0
  const files = unzipSync(bytes, {
    filter: ({ name, originalSize }) => {
      if (!/\.(xml|rels)$/.test(name)) return false
      size += originalSize
      if (!(size <= unpackedMax)) throw tooLarge()
      return true
    },
  })
  if (!('xl/workbook.xml' in files))
    throw brokenFile(
      'format',
      'It is an archive but no Excel workbook (.xlsx). Save the table as .xlsx or as CSV UTF-8.',
    )
  return files
}

/** An archive that is not compressed. */
const pack = (files: Unzipped): ArrayBuffer => zipSync(files, { level: 0 }).buffer as ArrayBuffer

/** The files, without what the library misreads. Most have nothing of that, and stay as they are. */
const withoutMisread = (files: Unzipped): Unzipped => {
  const next = Object.entries(files).map(([name, bytes]) => {
    const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    const isSuspect = ['"e"', "'e'", '&#', '<![CDATA['].some((text) => file.includes(text))
    return [name, isSuspect ? Buffer.from(rewrite(file.toString('latin1')), 'latin1') : bytes]
  })
  return Object.fromEntries(next)
}

const rewrite = (xml: string): string =>
  xml
    // It skips text that is not escaped.
    .replace(/<!\[CDATA\[(.*?)\]\]>/gs, (_, text: string) =>
      text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'),
    )
    // It cuts characters beyond U+FFFF, and reads both halves of one.
    .replace(/&#(x[\da-f]{5,6}|\d{5,7});/gi, (reference, digits: string) => {
      const code = Number(digits.replace(/^x/i, '0x'))
      if (code <= 0xffff || code > 0x10ffff) return reference
      const char = String.fromCodePoint(code)
      return `&#${char.charCodeAt(0)};&#${char.charCodeAt(1)};`
    })
    // It takes the error of a formula for an empty cell, and not the text of one.
    .replace(/(<(?:\w+:)?c\s(?:[^<>]*\s)?t=)(["'])e\2/g, '$1"str"')

/** The names of the sheets. The library tells them when it does not find one, and needs only two files for that. */
const sheetNames = async (files: Unzipped): Promise<string[]> => {
  const few = Object.entries(files).filter(([name]) =>
    /^xl\/(workbook\.xml|_rels\/workbook\.xml\.rels)$/.test(name),
  )
  try {
    await readSheet(pack(Object.fromEntries(few)), '\0')
  } catch (error) {
    if (error instanceof SheetNotFoundError && 'sheets' in error) return error.sheets as string[]
    throw error
  }
  return []
}

/** The place of the sheet with this name, else with this number from 1; -1 for none. Excel does not tell names apart by case. */
const placeOf = (names: string[], wanted: string): number => {
  const exact = names.indexOf(wanted)
  const alike = names.findIndex((name) => name.toLowerCase() === wanted.trim().toLowerCase())
  const byName = exact === -1 ? alike : exact
  return byName === -1 && names[Number(wanted) - 1] !== undefined ? Number(wanted) - 1 : byName
}

function* rowsOf(rows: SheetData): Generator<TableRow> {
  for (const [index, row] of rows.entries()) yield { line: index + 1, cells: row.map(textOf) }
}

/** Text, null for an empty cell, false for a date, a truth value or another one that is no text. */
const textOf = (cell: SheetData[number][number] | undefined): string | null | false => {
  if (cell === null || cell === undefined) return null
  if (typeof cell === 'number') return String(cell)
  return typeof cell === 'string' ? cell : false
}
