import { describe, expect, it } from '@jest/globals'
import { zipSync } from 'fflate'
import writeWorkbook from 'write-excel-file/node'
import { type Clock, systemClock } from '../../src/clock.ts'
import { createFairWork } from '../../src/http/fair-work.ts'
import { createImportFileReader } from '../../src/writes/import-file.ts'
import { isLong } from '../support/long.ts'
import { inline, workbook, zip } from '../support/xlsx.ts'
import { names, read, refusal, shown } from './import-case.ts'

const row = (number: number, ...cells: string[]): string => `<row r="${number}">${cells.join('')}</row>`
const header = row(1, inline('A1', 'name'))

describe('a workbook', () => {
  it('of a usual writer gives its names, with the rows that a person sees', async () => {
    const text = (value: string) => ({ value, type: String })
    const rows = [
      [text('id'), text('ПІБ'), text('since')],
      [
        { value: 7, type: Number },
        text('Іван Франко'),
        { value: new Date(0), type: Date, format: 'dd.mm.yyyy' },
      ],
      [null, null, null],
      [null, text(' Zoé <"&">\nLee '), null],
      [null, text('O’Neil'), null],
    ]
    const content = await writeWorkbook(rows as never).toBuffer()
    for (const type of [
      'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
      'text/csv; charset=windows-1251',
    ]) {
      const { rows: found, file } = await read(content, {}, type)
      expect(found.map(({ line, name, reason }) => [line, name, reason])).toEqual([
        [2, 'Іван Франко', undefined],
        [4, 'Zoé <"&">\nLee', 'name.chars'],
        [5, 'O’Neil', undefined],
      ])
      expect(file).toEqual({ format: 'xlsx', sheet: 'Sheet1', columns: ['ПІБ'], notes: [] })
    }
  })

  it('may hold names that are words of JavaScript', async () => {
    const words = ['valueOf', '__proto__', 'constructor', 'toString']
    const shared = ['name', ...words].map((text) => `<si><t>${text}</t></si>`).join('')
    const data = [0, 1, 2, 3, 4].map((index) =>
      row(index + 1, `<c r="A${index + 1}" t="s"><v>${index}</v></c>`),
    )
    expect(await names(workbook({ data: [data.join('')], shared }))).toEqual(words)
  })

  it('may hold shared, rich and inline texts, results of formulas, and numbers', async () => {
    const shared =
      '<si><t>Full name</t></si><si><r><t>Anna </t></r><r><rPr><b/></rPr><t xml:space="preserve">Lee</t></r></si>' +
      '<si><t>Zo&#233; &amp; Co</t></si><si><t>明</t><rPh><t>ミン</t></rPh></si>'
    const data = [
      '<row r="1"><c r="B1" t="s"><v>0</v></c></row>',
      ...[1, 2, 3].map(
        (index) => `<row r="${index + 2}"><c r="B${index + 2}" t="s"><v>${index}</v></c></row>`,
      ),
      row(6, inline('B6', 'Borys')),
      '<row r="7"><c r="B7" t="str"><f>CONCATENATE("Em","ma")</f><v>Emma</v></c></row>',
      '<row r="8"><c r="B8"><v>7</v></c></row>',
      '<row r="9"><c r="B9"><v>3.5</v></c></row>',
    ].join('')
    expect(await shown(workbook({ data: [data], shared }))).toEqual([
      [3, 'Anna Lee', 'pending'],
      [4, 'Zoé & Co', 'pending'],
      [5, '明', 'pending'],
      [6, 'Borys', 'pending'],
      [7, 'Emma', 'pending'],
      [8, '7', 'pending'],
      [9, '3.5', 'pending'],
    ])
  })

  it('whose cell is a date, a truth value, an error or a formula without a result rejects that row', async () => {
    const styles = '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs>'
    const data = [
      row(1, inline('A1', 'name'), inline('B1', 'team')),
      row(2, '<c r="A2" s="1"><v>45000</v></c>', inline('B2', 'x')),
      row(3, '<c r="A3" t="b"><v>1</v></c>', inline('B3', 'x')),
      row(4, '<c r="A4" t="e"><v>#REF!</v></c>', inline('B4', 'x')),
      row(5, '<c r="A5" t="str"><f>A1</f></c>', inline('B5', 'x')),
      row(6, inline('A6', 'Anna'), '<c r="B6" s="1"><v>45000</v></c>'),
      row(7, inline('A7', 'x'.repeat(2000))),
    ].join('')
    expect(
      (await shown(workbook({ data: [data], styles }))).map(([line, , outcome]) => [line, outcome]),
    ).toEqual([
      [2, 'name.type'],
      [3, 'name.type'],
      [4, 'name.type'],
      [5, 'name.blank'],
      [6, 'pending'],
      [7, 'name.length'],
    ])
  })

  it('may have texts in CDATA, and characters of any plane as numbers', async () => {
    const shared =
      '<si><t>name</t></si><si><t>&#134071;&#x91CE;</t></si><si><t><![CDATA[B & <C> &#65;]]></t></si>'
    const data = [
      ...[0, 1, 2].map((index) => row(index + 1, `<c r="A${index + 1}" t="s"><v>${index}</v></c>`)),
      row(4, inline('A4', '<![CDATA[Zoé]]> &#x1F600; &#x1f600; &#233;')),
      row(5, inline('A5', '&#128512;&#xD83D;&#xDE00;𠮷')),
      row(6, inline('A6', 'Anna &#1114112; &#x110000;')),
    ].join('')
    const found = await names(workbook({ data: [data], shared }))
    expect(found.slice(0, 4)).toEqual(['𠮷野', 'B & <C> &#65;', 'Zoé 😀 😀 é', '😀😀𠮷'])
    expect(found[4]).toMatch(/^Anna/)
  })

  it('rejects a row that holds an error alone, however the cell is written', async () => {
    const cells = [
      '<c r="A2" t="e"><v>#N/A</v></c>',
      '<c t="e" r="A3" s="0"><f>1/0</f><v>#DIV/0!</v></c>',
      "<c r='A4' s='0' t='e'><v>#ПОСИЛАННЯ!</v></c>",
      '<c r="A5"\n t="e" ><v>#GETTING_DATA</v></c>',
      '<c r="A6" t="str"><f>A2</f><v>#NAME?</v></c>',
      inline('A7', 'Anna'),
    ]
    const data = header + cells.map((cell, index) => row(index + 2, cell)).join('')
    expect((await shown(workbook({ data: [data] }))).map(([line, , outcome]) => [line, outcome])).toEqual([
      ...[2, 3, 4, 5, 6].map((line) => [line, 'name.type']),
      [7, 'pending'],
    ])
  })

  it('has its first sheet read, or the one that ?sheet= names or numbers', async () => {
    const sheets = ['Équipe', '2024', 'Оператори']
    const content = workbook({
      sheets,
      data: ['A', 'B', 'C'].map((name) => header + row(2, inline('A2', name))),
    })
    for (const [sheet, name, title] of [
      [undefined, 'A', 'Équipe'],
      ['2024', 'B', '2024'],
      ['оператори', 'C', 'Оператори'],
      ['3', 'C', 'Оператори'],
    ] as const) {
      const { rows, file } = await read(content, { sheet })
      expect([sheet, rows[0]?.name, file.sheet]).toEqual([sheet, name, title])
    }
    for (const sheet of isLong ? ['4', '0', '-1', '1.5', 'Team', '__proto__'] : ['4', '__proto__']) {
      const { code, detail } = await refusal(content, { sheet })
      expect([sheet, code]).toEqual([sheet, 'sheet'])
      expect(detail).toBe('The workbook has no such sheet. It has: 1 “Équipe”, 2 “2024”, 3 “Оператори”.')
    }
  })

  it('that is not complete is refused with what to do', async () => {
    const good = workbook({ data: [header + row(2, inline('A2', 'Anna'))] })
    for (const content of [
      good.subarray(0, good.length - 30),
      Buffer.from('PK\x03\x04zip'),
      workbook({ sheets: ['A', 'B'], data: [''], shared: '<si>' }).subarray(4),
      workbook({ data: [row(1, '<c r="A1" t="s"><v>7</v></c>')] }),
      workbook({ data: ['<row r="1"><c'] }),
      zip({ 'xl/workbook.xml': '<workbook><sheets><sheet name="A" sheetId="1"/></sheets></workbook>' }),
    ]) {
      const { code, detail } = await refusal(content)
      expect(['broken', 'encoding', 'empty']).toContain(code)
      expect(detail).toMatch(/[Ss]ave it/)
    }
    expect((await refusal(workbook({ data: [''] }))).code).toBe('empty')
    for (const files of [{ 'word/document.xml': '<document/>' }, { 'people.csv': 'name\nAnna\n' }])
      expect((await refusal(zip(files))).code).toBe('format')
  })
})

// A fiftieth of the time limit. It ends only what would not end before.
const impatient: Clock = { ...systemClock, after: (ms, run) => systemClock.after(ms / 50, run) }
const readImpatiently = createImportFileReader(impatient, createFairWork())

describe('a hostile workbook', () => {
  const bomb = (size: number) =>
    Buffer.from(
      zipSync(
        {
          'xl/workbook.xml': Buffer.from('<workbook/>'),
          'xl/worksheets/sheet1.xml': Buffer.alloc(size),
        },
        { level: 1 },
      ),
    )

  it('that unpacks to more than its bound is refused', async () => {
    const content = bomb(66 * 1024 * 1024)
    expect(content.length).toBeLessThan(1024 * 1024)
    expect((await refusal(content)).code).toBe('large')
  })

  it('that declares less than it holds is cut at what it declares', async () => {
    const content = bomb(1024 * 1024)
    const size = Buffer.alloc(4)
    size.writeUInt32LE(1024 * 1024)
    for (let at = content.indexOf(size); at !== -1; at = content.indexOf(size, at + 4))
      content.writeUInt32LE(100, at)
    expect((await refusal(content)).code).toBe('broken')
  })

  it('with rows or columns without end runs out of its own memory or time, not of the gateway’s', async () => {
    for (const data of [
      `<row r="4294967295">${inline('A4294967295', 'Anna')}</row>`,
      row(1, inline('ZZZZZZZ1', 'Anna')),
      `<row r="1e999">${inline('A1', 'Anna')}</row>`,
    ]) {
      const file = { bytes: workbook({ data: [data] }), contentType: '' }
      await expect(readImpatiently('client', file, {})).rejects.toMatchObject({ errors: [{ code: 'large' }] })
    }
    expect(await names(workbook({ data: [header + row(2, inline('A2', 'Anna'))] }))).toEqual(['Anna'])
  })

  it('of 50,000 rows is read in time, and leaves the event loop to others', async () => {
    let turns = 0
    let isDone = false
    const count = (): void => {
      turns++
      if (!isDone) setImmediate(count)
    }
    const data = Array.from({ length: 50_000 }, (_, i) => row(i + 2, inline(`A${i + 2}`, `Name ${i}`))).join(
      '',
    )
    setImmediate(count)
    const { rows } = await read(workbook({ data: [header + data] }))
    isDone = true
    expect(rows).toHaveLength(50_000)
    // In the main thread the library would take a handful of turns.
    expect(turns).toBeGreaterThan(100)
  })

  it('waits for the one before it, and a fault of one is none of the next', async () => {
    const good = workbook({ data: [header + row(2, inline('A2', 'Anna'))] })
    const bad = workbook({ data: ['<row r="1"><c'] })
    const found = await Promise.allSettled([good, bad, good].map((content) => names(content)))
    expect(found.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  })
})
