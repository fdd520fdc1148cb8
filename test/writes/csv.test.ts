import { describe, expect, it } from '@jest/globals'
import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { rowOutcomes } from '../../src/contract/operation.ts'
import { readCsv, writeReport } from '../../src/writes/csv.ts'
import { findDelimiter } from '../../src/writes/find-delimiter.ts'
import type { Row } from '../../src/writes/operation.ts'
import { shown } from './import-case.ts'

const form = { delimiter: ',', start: 0, line: 1 }
const lines = (text: string) => [...readCsv(text, form)].map(({ line, cells }) => [line, ...cells])

describe('a quote out of place', () => {
  it('spoils its line alone', async () => {
    for (const [bad, rest] of [
      ['Anna "Bob" Lee', ''],
      ['O"Neil', ''],
      ['"Bo"rys', ''],
      ['"Borys', ''],
      ['Borys"', ''],
      ['"Borys"x', ''],
      ['"', ''],
      ['"""', ''],
      ['"Anna', '"Emma"\n'],
      ['"Anna\u001a', ''],
      ['"Anna"\u001a', ''],
    ] as const) {
      const rows = await shown(`name\nClara\n${bad}\n${rest}Dmytro\n`)
      expect([bad, rows[1]]).toEqual([bad, [3, bad.slice(0, 200), 'name.quotes']])
      expect([bad, rows[0], rows.at(-1)?.slice(1)]).toEqual([
        bad,
        [2, 'Clara', 'pending'],
        ['Dmytro', 'pending'],
      ])
      expect(rows).toHaveLength(rest === '' ? 3 : 4)
    }
  })

  it('in the last line of many, and in many lines, leaves the others', async () => {
    const many = Array.from({ length: 2000 }, (_, i) => (i % 2 ? `Name ${i}` : `"Name ${i}`))
    const rows = await shown(`name\n${many.join('\n')}\n"last`)
    expect(rows.filter(([, , outcome]) => outcome === 'pending')).toHaveLength(1000)
    expect(rows.filter(([, , outcome]) => outcome === 'name.quotes')).toHaveLength(1001)
  })

  it('in another column spoils the line too, and a cell of more lines than Excel allows is such a quote', async () => {
    expect(await shown('name;note\nAnna;5" tall\nBorys;"two\nlines"\nClara;\n')).toEqual([
      [2, 'Anna;5" tall', 'name.quotes'],
      [3, 'Borys', 'pending'],
      [5, 'Clara', 'pending'],
    ])
    const far = `${'Name\n'.repeat(300)}end"`
    expect((await shown(`name\n"${far}\n`)).filter(([, , outcome]) => outcome === 'pending')).toHaveLength(
      299,
    )
  })
})

describe('a Ctrl-Z', () => {
  it('at the end of the file is its end mark, and elsewhere it spoils its row alone', async () => {
    for (const end of ['\n\u001a', '\u001a', '\r\n\u001a\r\n'])
      expect([end, await shown(`name\nAnna\nBorys${end}`)]).toEqual([
        end,
        [
          [2, 'Anna', 'pending'],
          [3, 'Borys', 'pending'],
        ],
      ])
    expect(await shown('name\n\u001a\nBorys\u001a\nClara')).toEqual([
      [2, '\u001a', 'name.chars'],
      [3, 'Borys\u001a', 'name.chars'],
      [4, 'Clara', 'pending'],
    ])
  })
})

describe('lines', () => {
  it('count as an editor shows them, also after a line break within quotes', () => {
    for (const end of ['\n', '\r\n', '\r'])
      expect(lines(['a,"x', 'y"', '', 'b', '"', '",c', 'd'].join(end))).toEqual([
        [1, 'a', `x${end}y`],
        [4, 'b'],
        [5, end, 'c'],
        [7, 'd'],
      ])
  })

  it('count on after a quote out of place in a row of several lines', () => {
    expect(lines('"a\nb",x"y\nc\n"d\ne","f\ng')).toEqual([
      [1, '"a\nb",x"y'],
      [3, 'c'],
      [4, '"d\ne","f'],
      [6, 'g'],
    ])
  })

  it('of more than a thousand cells are not told apart', () => {
    const [row] = readCsv(`${'a,'.repeat(2000)}\nb`, form)
    expect([row?.fault, row?.cells.length]).toEqual(['columns', 1])
  })

  it('may be megabytes long: such a row is none of people and spoils no other', async () => {
    for (const filler of ['x', ',', '"', ' ', 'x,', '"",', '\u0416']) {
      const long = filler.repeat((3 * 1024 * 1024) / filler.length)
      const rows = await shown(`name\r\nAnna\r\n${long}\r\nBorys\r\n`)
      expect([
        filler,
        rows.map(([line, name, outcome]) => [line, String(name).slice(0, 5), outcome]),
      ]).toEqual([
        filler,
        [
          [2, 'Anna', 'pending'],
          ...(filler === ' '
            ? []
            : [[3, expect.anything(), expect.stringMatching(/^name\.(length|quotes|columns)$/)]]),
          [4, 'Borys', 'pending'],
        ],
      ])
    }
  })
})

describe('the delimiter', () => {
  it('is what sep= names, and that line counts as the first', async () => {
    for (const [first, delimiter] of [
      ['sep=;', ';'],
      ['SEP=|', '|'],
      ['sep=\t', '\t'],
      ['"sep=;"', ';'],
      ['sep=^', '^'],
      ['sep=\\', '\\'],
    ] as const)
      for (const end of ['\n', '\r\n']) {
        const text = [first, `id${delimiter}name`, `1${delimiter}Anna, B`].join(end)
        expect([first, await shown(text)]).toEqual([first, [[3, 'Anna, B', 'pending']]])
      }
  })

  it('is the one on which the first lines agree', () => {
    const found = (text: string) => findDelimiter(text).delimiter
    expect(found('name, first;team\nAnna, A;x\nBob;y\n')).toBe(';')
    expect(found('name,note\nAnna,a;b;c\n')).toBe(',')
    expect(found('name\nAnna\n')).toBe(',')
    expect(found('a|b\n1|2\n')).toBe('|')
    expect(found('"a;b"\tc\n')).toBe('\t')
  })

  it('may have blanks beside it', async () => {
    expect(await shown('id, "full name"\n1, "Anna, B"\n2, "Borys" \n')).toEqual([
      [2, 'Anna, B', 'pending'],
      [3, 'Borys', 'pending'],
    ])
  })
})

describe('the report', () => {
  it('gives names back, and no cell of it is a formula', () => {
    const someRow = fc.record({
      line: fc.nat(),
      name: fc.oneof(
        fc.string({ unit: 'grapheme', maxLength: 30 }),
        fc.constantFrom('=1+1', "'=1", '@x', '+1', '-1', "''=x", '\t=1'),
      ),
      outcome: fc.constantFrom(...rowOutcomes),
    })
    fc.assert(
      fc.property(fc.array(someRow), (rows) => {
        const text = [...writeReport(rows.map((row, index): Row => ({ index, ...row })))].join('')
        const [, ...cells] = parse(text, { bom: true, record_delimiter: '\r\n' }) as string[][]
        for (const row of cells) for (const cell of row) expect(cell).not.toMatch(/^[=+\-@\t\r]/)
        const back = cells.map(([line, name = '', outcome]) => ({
          line: Number(line),
          name: name.replace(/^'('*[=+\-@\t\r])/, '$1'),
          outcome,
        }))
        expect(back).toEqual(rows)
        const imported = [...readCsv(text.slice(1), form)].slice(1).map((row) => row.cells[1])
        expect(imported).toEqual(rows.map(({ name }) => name))
      }),
    )
  })
})
