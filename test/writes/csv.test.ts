import { describe, expect, it } from '@jest/globals'
import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { cleanName, nameFault } from '../../src/contract/names.ts'
import { rowOutcomes } from '../../src/contract/operation.ts'
import { Failure } from '../../src/errors.ts'
import { importRowsMax, readNames, writeReport } from '../../src/writes/csv.ts'
import type { Row } from '../../src/writes/operation.ts'

const read = (text: string | Buffer, column?: string) => readNames(Buffer.from(text as string), column)
const names = async (text: string, column?: string) => (await read(text, column)).map(({ name }) => name)
const shown = async (text: string) =>
  (await read(text)).map(({ line, name, outcome, reason }) => [line, name, reason ?? outcome])
/** Code and place of the fault. */
const fault = async (text: string | Buffer, column?: string): Promise<string> => {
  try {
    await read(text, column)
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'request.invalid-body') throw error
    return error.errors?.map(({ code, pointer }) => `${code} ${pointer}`).join() as string
  }
  return 'none'
}

describe('the names of a CSV file', () => {
  it('are found under name, nom or ім’я, in any letter case and between any columns', async () => {
    for (const header of ['name', 'NAME', ' Nom ', "ім'я", 'Ім’я', 'імʼя', '"name"'])
      expect([header, await names(`id,${header},team\n7,Anna,x\n8,Borys,y\n`)]).toEqual([
        header,
        ['Anna', 'Borys'],
      ])
  })

  it('are found in the column that is asked for', async () => {
    expect(await names('name,Full Name\nA,Anna\n', 'full name')).toEqual(['Anna'])
    expect(await fault('name,Full Name\nA,Anna\n', 'surname')).toBe('header /line/1')
  })

  it('are separated by comma, semicolon or tab; the header decides', async () => {
    expect(await names('id,name\n1,"Anna; B"\n')).toEqual(['Anna; B'])
    expect(await names('id;name\n1;Anna, B\n')).toEqual(['Anna, B'])
    expect(await names('id\tname\n1\tAnna, B\n')).toEqual(['Anna, B'])
    expect(await names('"a,b,c";name\nx;Anna\n')).toEqual(['Anna'])
    expect(await names('\n\nid;name\n1;Anna\n')).toEqual(['Anna'])
  })

  it('are read with any line end, with or without a byte order mark and a last line end', async () => {
    for (const end of ['\n', '\r\n', '\r'])
      for (const mark of ['', '\uFEFF'])
        for (const last of ['', end])
          expect(await shown(`${mark}name${end}Anna${end}Borys${last}`)).toEqual([
            [2, 'Anna', 'pending'],
            [3, 'Borys', 'pending'],
          ])
  })

  it('are read from a file with line ends of several kinds', async () => {
    expect(await shown('name\r\nAnna\nBorys\nClara\r\nDmytro\rEmma\n')).toEqual([
      [2, 'Anna', 'pending'],
      [3, 'Borys', 'pending'],
      [4, 'Clara', 'pending'],
      [5, 'Dmytro', 'pending'],
      [6, 'Emma', 'pending'],
    ])
  })

  it('are read whole wherever the file is cut into pieces', async () => {
    const head = `name\n${'Anna\n'.repeat(13_000)}`
    for (let bytes = 1; bytes <= 6; bytes++) {
      const filler = 'B'.repeat(65_536 - head.length - bytes - 50)
      const rest = `${'C'.repeat(50)}😀 Ґанна\r\nEmma`
      const last = (await read(`${head}${filler}\n${rest}`)).slice(-2)
      expect(last.map(({ name }) => name)).toEqual([`${'C'.repeat(50)}😀 Ґанна`, 'Emma'])
    }
  })

  it('are rejected when their line has more cells than the header: the name is not known', async () => {
    expect(await shown('id,name\n1,Anna\n2,Brown, Borys\n3,Clara,\n4\n')).toEqual([
      [2, 'Anna', 'pending'],
      [3, 'Brown', 'name.columns'],
      [4, 'Clara', 'pending'],
      [5, '', 'name.blank'],
    ])
  })

  it('may contain quotes, separators and escaped quotes', async () => {
    expect(await names('name\n"Smith, ""Bob"""\n"O\'Neil"\n')).toEqual(['Smith, "Bob"', "O'Neil"])
  })

  it('keep their line numbers over blank lines, which are not rows', async () => {
    expect(await shown('name,team\n\nAnna,x\n ,\n,,\n\n\nBorys,y\n')).toEqual([
      [3, 'Anna', 'pending'],
      [8, 'Borys', 'pending'],
    ])
  })

  it('become rejected rows with their reason when they are invalid; no row is missing', async () => {
    const text = [
      'name,team',
      ',x',
      '\u202eevil,x',
      `${'a'.repeat(101)},x`,
      '"a\u0007b",x',
      'Anna,x',
      '"a\nb",x',
    ]
    expect((await read(text.join('\r\n'))).map(({ reason, outcome }) => reason ?? outcome)).toEqual([
      'name.blank',
      'name.chars',
      'name.length',
      'name.chars',
      'pending',
      'name.chars',
    ])
    expect(await shown('team,name\nx\ny,Anna\n')).toEqual([
      [2, '', 'name.blank'],
      [3, 'Anna', 'pending'],
    ])
  })

  it('are cleaned like the names of an add', async () => {
    expect(await names(`name\n  ${'Zoë'.normalize('NFD')}  \n`)).toEqual(['Zoë'])
  })
})

describe('a file that is not such a table', () => {
  it('is refused with the line of the fault', async () => {
    expect(await fault('')).toBe('empty ')
    expect(await fault('name\n\n')).toBe('empty ')
    expect(await fault('surname\nAnna\n')).toBe('header /line/1')
    expect(await fault('name,NAME\nAnna,B\n')).toBe('header /line/1')
    expect(await fault('name\nAnna\n"Borys\nClara\n')).toMatch(/^csv \/line\/[3-5]$/)
    expect(await fault('name\nAnna\n"Bo"rys\n')).toBe('csv /line/3')
  })

  it('is refused when it is not UTF-8 text', async () => {
    expect(await fault(Buffer.from('name\nJosé\n', 'latin1'))).toBe('encoding ')
    expect(await fault(Buffer.from('\uFEFFname\nAnna\n', 'utf16le'))).toBe('encoding ')
    expect(await fault(Buffer.from('name\nAn\0na\n'))).toBe('encoding ')
    expect(await fault(Buffer.from('PK\x03\x04zip'))).toBe('encoding ')
    expect(await names('PKID,name\n1,Anna\n')).toEqual(['Anna'])
  })

  it('has at most 50,000 rows', async () => {
    const rows = Array.from({ length: importRowsMax }, (_, i) => `Row ${i}`).join('\n')
    expect(await read(`name\n${rows}\n`)).toHaveLength(50_000)
    expect(await fault(`name\n${rows}\nOne more\n`)).toBe('length /line/50002')
  })
})

const someText = fc.string({ unit: 'grapheme', maxLength: 30 })
const quoted = (cell: string, delimiter: string): string =>
  new RegExp(`["\r\n${delimiter}]`).test(cell) || cell.trim() !== cell
    ? `"${cell.replaceAll('"', '""')}"`
    : cell

describe('any names', () => {
  it('are read from a file as they were written, each with its line', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(someText, { minLength: 1, maxLength: 20 }),
        fc.constantFrom(',', ';', '\t'),
        fc.constantFrom('\n', '\r\n', '\r'),
        async (cells, delimiter, end) => {
          const lines = cells.map((cell, i) => `${i}${delimiter}${quoted(cell, delimiter)}`)
          const rows = await read([`id${delimiter}name`, ...lines].join(end))
          expect(rows).toHaveLength(cells.length)
          for (const [i, row] of rows.entries()) {
            const cell = cells[i] as string
            expect(row.index).toBe(i)
            if (nameFault(cell)) expect(row.outcome).toBe('rejected')
            else expect([row.outcome, row.name]).toEqual(['pending', cleanName(cell)])
          }
        },
      ),
    )
  })

  it('are in the report as they were, and no cell of it is a formula', () => {
    const someRow = fc.record({
      line: fc.nat(),
      name: fc.oneof(someText, fc.constantFrom('=1+1', "'=1", '@x', '+1', '-1', "''=x", '\t=1')),
      outcome: fc.constantFrom(...rowOutcomes),
    })
    fc.assert(
      fc.property(fc.array(someRow), (rows) => {
        const text = writeReport(rows.map((row, index): Row => ({ index, ...row })))
        const [, ...cells] = parse(text, { bom: true, record_delimiter: '\r\n' }) as string[][]
        for (const row of cells) for (const cell of row) expect(cell).not.toMatch(/^[=+\-@\t\r]/)
        const back = cells.map(([line, name = '', outcome]) => ({
          line: Number(line),
          name: name.replace(/^'('*[=+\-@\t\r])/, '$1'),
          outcome,
        }))
        expect(back).toEqual(rows)
      }),
    )
  })
})
