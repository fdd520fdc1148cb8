// @ts-check
// The thread of xlsx.ts. It is JavaScript so that Node starts the same file from src and from dist.
import { parentPort, workerData } from 'node:worker_threads'
import { unzipSync, zipSync } from 'fflate'
import { readSheet, SheetNotFoundError } from 'read-excel-file/universal'

const unpackedMax = 64 * 1024 * 1024
const linesMax = 32 * 1024 * 1024
// No name is so long. The rest of a cell is not needed.
const cellMax = 1000

// The library reads in pieces that shrink on a busy machine, and copies all rows for each piece: 13 s instead of 0.7 s for
// 50,000 rows. While the clock of this thread stands still, the pieces only grow.
const startedAt = Date.now()
Date.now = () => startedAt

/** A refusal by its code in xlsx.ts. */
class Fault extends Error {
  /** @param {import('./xlsx.ts').SheetFault} code */
  constructor(code) {
    super(code)
    this.code = code
  }
}

/**
 * The files of the workbook that hold XML. unzipSync allocates what the directory of an archive declares and no more, so no
 * other code meets a zip bomb.
 * @param {Uint8Array} bytes
 */
const unpack = (bytes) => {
  let size = 0
  const files = unzipSync(bytes, {
    filter: ({ name, originalSize }) => {
      if (!/\.(xml|rels)$/.test(name)) return false
      size += originalSize
      if (!(size <= unpackedMax)) throw new Fault('large')
      return true
    },
  })
  if (!('xl/workbook.xml' in files)) throw new Fault('format')
  return files
}

/**
 * An archive that is not compressed.
 * @param {import('fflate').Unzipped} files
 */
const pack = (files) => /** @type {ArrayBuffer} */ (zipSync(files, { level: 0 }).buffer)

/**
 * The names of the sheets. The library tells them when it does not find one, and needs only two files for that.
 * @param {import('fflate').Unzipped} files
 * @returns {Promise<string[]>}
 */
const sheetNames = async (files) => {
  const few = Object.entries(files).filter(([name]) =>
    /^xl\/(workbook\.xml|_rels\/workbook\.xml\.rels)$/.test(name),
  )
  try {
    await readSheet(pack(Object.fromEntries(few)), '\0')
  } catch (error) {
    if (error instanceof SheetNotFoundError && 'sheets' in error)
      return /** @type {string[]} */ (error.sheets)
    throw error
  }
  return []
}

/**
 * The place of the sheet with this name, else with this number from 1; -1 for none. Excel does not tell names apart by case.
 * @param {string[]} names
 * @param {string} wanted
 */
const placeOf = (names, wanted) => {
  const exact = names.indexOf(wanted)
  const alike = names.findIndex((name) => name.toLowerCase() === wanted.trim().toLowerCase())
  const byName = exact === -1 ? alike : exact
  return byName === -1 && names[Number(wanted) - 1] !== undefined ? Number(wanted) - 1 : byName
}

/**
 * Text, null for an empty cell, false for a date, a truth value or another one that is no text.
 * @param {unknown} cell
 */
const textOf = (cell) => {
  if (cell === null || cell === undefined) return null
  if (typeof cell === 'number') return String(cell)
  return typeof cell === 'string' ? cell.slice(0, cellMax) : false
}

/**
 * One row a line.
 * @param {import('read-excel-file/universal').SheetData} rows
 */
const linesOf = (rows) => {
  const pieces = []
  let size = 0
  for (const row of rows) {
    const piece = Buffer.from(`${JSON.stringify(row.map(textOf))}\n`)
    size += piece.length
    if (size > linesMax) throw new Fault('large')
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

/** @returns {Promise<import('./xlsx.ts').SheetAnswer>} */
const answer = async () => {
  try {
    const files = unpack(workerData.bytes)
    const names = await sheetNames(files)
    const place = placeOf(names, workerData.sheet ?? '1')
    const sheet = names[place]
    if (sheet === undefined) return { fault: 'sheet', sheets: names }
    return { sheet, lines: linesOf(await readSheet(pack(files), place + 1)) }
  } catch (error) {
    return { fault: error instanceof Fault ? error.code : 'broken' }
  }
}

parentPort?.postMessage(await answer())
