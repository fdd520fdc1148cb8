import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import writeWorkbook from 'write-excel-file/node'
import { cleanName, nameFault } from '../../src/contract/names.ts'
import { importRowsMax } from '../../src/writes/read-table.ts'
import { isLong } from '../support/long.ts'
import { encode, fault, lettersOf, names, read, refusal, shown } from './import-case.ts'

describe('the names of a CSV file', () => {
  it('are found under name, nom or ім’я, in any letter case and between any columns', async () => {
    for (const header of ['name', 'NAME', ' Nom ', "ім'я", 'Ім’я', 'імʼя', '"name"'])
      expect([header, await names(`id,${header},team\n7,Anna,x\n8,Borys,y\n`)]).toEqual([
        header,
        ['Anna', 'Borys'],
      ])
  })

  it('are found in the column that is asked for', async () => {
    expect(await names('name,Full Name\nA,Anna\n', { column: 'full name' })).toEqual(['Anna'])
    expect(await fault('name,Full Name\nA,Anna\n', { column: 'surname' })).toBe('header /line/1')
  })

  it('are separated by comma, semicolon, tab or bar; the first lines decide', async () => {
    expect(await names('id,name\n1,"Anna; B"\n')).toEqual(['Anna; B'])
    expect(await names('id;name\n1;Anna, B\n')).toEqual(['Anna, B'])
    expect(await names('id\tname\n1\tAnna, B\n')).toEqual(['Anna, B'])
    expect(await names('id|name\n1|Anna, B; C\n')).toEqual(['Anna, B; C'])
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

  it('are read whole from a large file', async () => {
    const many = Array.from({ length: 13_000 }, (_, i) => `${i} ${'C'.repeat(i % 50)}😀 Ґанна`)
    expect(await names(`name\r\n${many.join('\r\n')}`)).toEqual(many)
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
    expect((await read(text.join('\r\n'))).rows.map(({ reason, outcome }) => reason ?? outcome)).toEqual([
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

  it('that a spreadsheet shows for an error are rejected; names that look alike are not', async () => {
    const errors = ['#N/A', '#REF!', '#NAME?', '#DIV/0!', '#Н/Д', '#ІМ’Я?', '#WERT!', '#NV', 'Err:502']
    const similar = ['#1 Anna', 'N/A', '#anna!', 'Err: 502', '#', '#NVA', 'REF!']
    expect((await shown(`name\n${errors.join('\n')}`)).map(([, , outcome]) => outcome)).toEqual(
      errors.map(() => 'name.type'),
    )
    expect(await shown(`first name,name\nAnna,#N/A\n#REF!,Lee\n`)).toMatchObject([
      [2, 'Anna #N/A', 'name.type'],
      [3, '#REF! Lee', 'name.type'],
    ])
    expect(await names(`name\n${similar.join('\n')}`)).toEqual(similar)
  })

  it('are cleaned like the names of an add', async () => {
    expect(await names(`name\n  ${'Zoë'.normalize('NFD')}  \n`)).toEqual(['Zoë'])
  })
})

describe('a file that is not such a table', () => {
  it('is refused with the line of the fault', async () => {
    expect(await fault('')).toBe('empty ')
    expect(await fault('name\n\n')).toBe('empty ')
    expect(await fault('team,room\nAnna,7\n')).toBe('header /line/1')
    expect(await fault('\nname,NAME\nAnna,B\n')).toBe('header /line/2')
    expect(await fault('name,"team\nAnna,x\n')).toBe('quotes /line/1')
  })

  it('has at most 50,000 rows', async () => {
    const rows = Array.from({ length: importRowsMax }, (_, i) => `Row ${i}`).join('\n')
    expect(await names(`name\n${rows}\n`)).toHaveLength(50_000)
    expect(await fault(`name\n${rows}\nOne more\n`)).toBe('length /line/50002')
  })

  it('is refused with the name of its format', async () => {
    const ole = Buffer.from('d0cf11e0a1b11ae1', 'hex')
    const encrypted = Buffer.concat([ole, Buffer.alloc(600), Buffer.from('EncryptedPackage', 'utf16le')])
    for (const [content, code, sentence] of [
      [Buffer.concat([ole, Buffer.alloc(600)]), 'format', /old binary workbook/],
      [encrypted, 'encrypted', /password/],
      ['%PDF-1.7\n%âãÏÓ', 'format', /PDF/],
      ['<html xmlns:o="urn:x"><body><table><tr><td>Name</td></tr></table>', 'format', /HTML/],
      ['\uFEFF\r\n <!DOCTYPE html>', 'format', /HTML/],
      ['<table><tr><td>Anna', 'format', /HTML/],
      [
        '<?xml version="1.0"?>\n<?mso-application progid="Excel.Sheet"?>\n<Workbook xmlns="x">',
        'format',
        /2003/,
      ],
      ['{\\rtf1\\ansi Anna}', 'format', /RTF/],
      [Buffer.from('1f8b0800', 'hex'), 'format', /gzip/],
      ['[{"name":"Anna"}]', 'format', /JSON/],
      ['{"name":"Anna"}\n{"name":"Borys"}\n', 'format', /JSON/],
      ['\uFEFF\n[\n  "Anna"\n]', 'format', /JSON/],
      [Buffer.from('89504e470d0a1a0a', 'hex'), 'format', /image/],
    ] as const) {
      const refused = await refusal(content as string)
      expect([refused.code, refused.pointer]).toEqual([code, ''])
      expect(refused.detail).toMatch(sentence)
    }
    expect(await names('PKID,name\n1,Anna\n')).toEqual(['Anna'])
    expect(await names('[id],name\n1,Anna\n', { column: '2' })).toEqual(['Anna'])
    expect(await names('<name>,name\n1,Anna\n', { column: '2' })).toEqual(['Anna'])
  })
})

const quoted = (cell: string, separator: string): string =>
  new RegExp(`["\r\n${separator === '|' ? '\\|' : separator}]`).test(cell) || cell.trim() !== cell
    ? `"${cell.replaceAll('"', '""')}"`
    : cell

describe('any cells', () => {
  it('are read from a file as they were written, each with its line', async () => {
    const cell = fc.string({ unit: 'grapheme', maxLength: 30 })
    await fc.assert(
      fc.asyncProperty(
        fc.array(cell, { minLength: 1, maxLength: 20 }),
        fc.constantFrom(',', ';', '\t', '|'),
        fc.constantFrom('\n', '\r\n', '\r'),
        async (cells, separator, end) => {
          const lines = cells.map((text, i) => `${i}${separator}${quoted(text, separator)}`)
          const { rows } = await read([`id${separator}name`, ...lines].join(end))
          expect(rows).toHaveLength(cells.length)
          for (const [i, row] of rows.entries()) {
            const text = cells[i] as string
            expect(row.index).toBe(i)
            if (nameFault(text)) expect(row.outcome).toBe('rejected')
            else expect([row.outcome, row.name]).toEqual(['pending', cleanName(text)])
          }
        },
      ),
    )
  })
})

/** Valid names, in their stored form. */
const namesOf = (text: fc.Arbitrary<string>) =>
  fc.array(text.filter((name) => nameFault(name) === undefined).map(cleanName), {
    minLength: 1,
    maxLength: 20,
  })
const inLetters = (charset: string) =>
  namesOf(
    fc.string({
      unit: fc.constantFrom(...lettersOf(charset), ...'abcXYZ \'-.,;|"12'),
      minLength: 1,
      maxLength: 30,
    }),
  )
const anyNames = namesOf(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }))
const delimiter = fc.constantFrom(',', ';', '\t', '|')
const table = (list: string[], separator: string, sep: boolean): string =>
  [
    ...(sep ? [`sep=${separator}`] : []),
    `id${separator}full name`,
    ...list.map((name, i) => `${i}${separator}${quoted(name, separator)}`),
  ].join('\r\n')

describe('any names', () => {
  it.each([
    ['utf-8', false, anyNames],
    ['utf-8', true, anyNames],
    ['utf-16le', false, anyNames],
    ['utf-16le', true, anyNames],
    ['utf-16be', false, anyNames],
    ['utf-16be', true, anyNames],
    ['windows-1251', false, inLetters('windows-1251')],
    ['windows-1252', false, inLetters('windows-1252')],
  ])('are read from a text file in %s (mark: %s) as they were written', async (charset, mark, some) => {
    await fc.assert(
      fc.asyncProperty(some, delimiter, fc.boolean(), fc.boolean(), async (list, separator, sep, inQuery) => {
        const bytes = encode(table(list, separator, sep), charset, mark)
        const isKnown = mark || charset === 'utf-8'
        const query = !isKnown && inQuery ? { charset } : {}
        const type = !isKnown && !inQuery ? `text/csv; charset="${charset}"` : 'text/csv'
        const { rows, file } = await read(bytes, query, type)
        expect(rows.map(({ name, outcome }) => [name, outcome])).toEqual(
          list.map((name) => [name, 'pending']),
        )
        expect([file.charset, file.delimiter, file.notes]).toEqual([charset, separator, []])
      }),
      { numRuns: isLong ? 200 : 25 },
    )
  })

  const word = (letters: string) =>
    fc.string({ unit: fc.constantFrom(...letters), minLength: 3, maxLength: 9 })
  const [cyrillic, ascii, accents] = ['абвгґдеєжзиіїйклмнопрстуфхцчшщьюя', 'bcdfghlmnrst', 'àâçéèêëîïôùûœ']
  const french = fc
    .tuple(word(ascii), fc.constantFrom(...accents), word(ascii))
    .map((parts) => parts.join(''))
  it.each([
    ['windows-1251', word(cyrillic)],
    ['windows-1252', french],
    ['utf-16le', word(cyrillic)],
    ['utf-16be', french],
  ])(
    'in %s are recognized by their words, and the answer says that the encoding was guessed',
    async (charset, some) => {
      const people = fc.array(
        fc
          .tuple(some, some)
          .map((parts) => parts.map((part) => `${part[0]?.toUpperCase()}${part.slice(1)}`).join(' ')),
        { minLength: 1, maxLength: 20 },
      )
      await fc.assert(
        fc.asyncProperty(people, delimiter, async (list, separator) => {
          const { rows, file } = await read(encode(table(list, separator, false), charset))
          expect(rows.map(({ name }) => name)).toEqual(list)
          expect(file.charset).toBe(charset)
          expect(file.notes).toEqual([expect.stringContaining(`guessed: ${charset}`)])
        }),
        { numRuns: isLong ? 200 : 25 },
      )
    },
  )

  // The writer of the tests keeps its texts as keys of an object, and breaks a text such as valueOf.
  const writable = anyNames.filter((list) => list.every((name) => !(name in {})))

  it('are read from a workbook as they were written', async () => {
    await fc.assert(
      fc.asyncProperty(writable, fc.boolean(), async (list, withHeader) => {
        const written = [...(withHeader ? ['ПІБ'] : []), ...list].map((value) => [{ value, type: String }])
        const { rows, file } = await read(await writeWorkbook(written).toBuffer(), { header: withHeader })
        expect(rows.map(({ name, outcome }) => [name, outcome])).toEqual(
          list.map((name) => [name, 'pending']),
        )
        expect(file.format).toBe('xlsx')
      }),
      { numRuns: isLong ? 50 : 4 },
    )
  })
})
