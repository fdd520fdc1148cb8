import { describe, expect, it } from '@jest/globals'
import { names, read, refusal, shown } from './import-case.ts'

const usual = [
  [
    'name',
    'Full Name',
    'full_name',
    'fullName',
    'FULL-NAME *',
    'Display name',
    'Operator',
    'Agent',
    'Employee',
  ],
  [
    'Agent name',
    ' Name: ',
    'Name (required)',
    'Nom',
    'NOM COMPLET',
    'Nom et prénom',
    'nom et prenom',
    'Opérateur',
  ],
  [
    "Ім'я",
    'ім’я',
    'імʼя',
    'Ім`я',
    'ім´я',
    'ІМ‘Я',
    'ПІБ',
    'П.І.Б.',
    "Прізвище та ім'я",
    'Повне ім’я',
    'Оператор',
  ],
  ["Прізвище, ім'я, по батькові", 'Імя', 'имя', 'ФИО', 'Ф. И. О.', 'Фамилия и имя', 'Сотрудник'],
].flat()

describe('the column with the names', () => {
  it('has a usual header in English, French, Ukrainian or Russian', async () => {
    for (const header of usual) {
      const { rows, file } = await read(`id;"${header}";team\n7;Anna;x\n8;Borys;y\n`)
      expect([header, rows.map(({ name }) => name)]).toEqual([header, ['Anna', 'Borys']])
      expect(file.columns).toEqual([header.trim()])
    }
  })

  it('is two columns where first and last names stand apart; they are joined in this order', async () => {
    for (const [header, row, name] of [
      ['First name;Last name', 'Anna;Lee', 'Anna Lee'],
      ['id;Surname;Given Name', '1;Lee;Anna', 'Anna Lee'],
      ['Nom;Prénom', 'Lefèvre;Zoé', 'Zoé Lefèvre'],
      ['Prénom;Nom de famille', 'Zoé;Lefèvre', 'Zoé Lefèvre'],
      ['Прізвище;Ім’я;По батькові', 'Франко;Іван;Якович', 'Іван Франко'],
      ['Имя;Фамилия', 'Пётр;Ёлкин', 'Пётр Ёлкин'],
      ['First name;Last name', 'Anna;', 'Anna'],
      ['First name;Last name', ';', ''],
      ['name;surname;id', ' Anna ; Lee ;7', 'Anna Lee'],
    ] as const)
      if (name === '') expect((await refusal(`${header}\n${row}`)).code).toBe('empty')
      else expect([header, await names(`${header}\n${row}`)]).toEqual([header, [name]])
    expect((await read('Nom;Prénom\nA;B')).file.columns).toEqual(['Prénom', 'Nom'])
    expect(await shown(`first name,last name,id\n${'a'.repeat(60)},${'b'.repeat(60)},1\n,,2\n`)).toEqual([
      [2, `${'a'.repeat(60)} ${'b'.repeat(60)}`, 'name.length'],
      [3, '', 'name.blank'],
    ])
  })

  it('is the whole name before a plain one, and a plain one before a role', async () => {
    expect(await names('name,full name\nA,Anna Lee\n')).toEqual(['Anna Lee'])
    expect(await names('agent;nom\n17;Zoé\n')).toEqual(['Zoé'])
    expect(await names('ПІБ;Прізвище;Ім’я\nФранко І. Я.;Франко;Іван\n')).toEqual(['Франко І. Я.'])
  })

  it('is what ?column= names, by header or number', async () => {
    const text = 'id;Pseudo;Équipe\n1;Zoé;A\n'
    for (const column of ['pseudo', ' PSEUDO ', '2']) expect(await names(text, { column })).toEqual(['Zoé'])
    expect(await names(text, { column: 'equipe' })).toEqual(['A'])
    expect(await names('2;name\nx;Anna\n', { column: '2' })).toEqual(['x'])
    for (const column of ['0', '4', 'nom', '-1', '1.5']) {
      const { code, detail } = await refusal(text, { column })
      expect([column, code]).toEqual([column, 'header'])
      expect(detail).toContain('1 “id”, 2 “Pseudo”, 3 “Équipe”')
    }
  })

  it('that is not found is answered with the columns that are there', async () => {
    const { code, pointer, detail } = await refusal('\r\nMatricule;Pseudo;"a; b"\r\n1;Zoé;x\r\n')
    expect([code, pointer]).toEqual(['header', '/line/2'])
    expect(detail).toBe(
      'No column has a usual header such as name, nom, ім’я or имя. Its columns are: 1 “Matricule”, 2 “Pseudo”, ' +
        '3 “a; b”. Name one with ?column=.',
    )
    expect((await refusal('name;NAME;team\na;b;c\n')).detail).toMatch(/^More than one column/)
    expect((await refusal('agent;operator\na;b\n')).detail).toMatch(/^More than one column/)
    expect((await refusal(`${'x,'.repeat(200)}x\na\n`)).detail).toMatch(/20 “x” and 181 more\. Name one/)
  })
})

describe('a file without a header row', () => {
  it('of one column is all names, and says so', async () => {
    const { rows, file } = await read('Anna Lee\nBorys\n\nЗоя\n')
    expect(rows.map(({ line, name }) => [line, name])).toEqual([
      [1, 'Anna Lee'],
      [2, 'Borys'],
      [4, 'Зоя'],
    ])
    expect([file.columns, file.notes]).toEqual([['1'], [expect.stringContaining('every row is a name')]])
  })

  it('of one column has a header where it is a usual one, where ?column= names it, or with ?header=true', async () => {
    for (const header of ['name', 'ПІБ', 'Prénom', 'Прізвище']) {
      const { rows, file } = await read(`${header}\nAnna\n`)
      expect([rows.length, file.notes]).toEqual([1, []])
    }
    expect(await names('Pseudo\nAnna\n', { column: 'Pseudo' })).toEqual(['Anna'])
    expect(await names('Pseudo\nAnna\n', { header: true })).toEqual(['Anna'])
    expect(await names('Agent 1\nAgent 2\n')).toEqual(['Agent 1', 'Agent 2'])
    expect(await names('name\nAnna\n', { header: false })).toEqual(['name', 'Anna'])
  })

  it('of several columns is read with ?header=false, from the first column or the one that is named', async () => {
    const text = 'Anna;Sales\nBorys;Support\n'
    expect((await refusal(text)).detail).toMatch(/1 “Anna”, 2 “Sales”/)
    const { rows, file } = await read(text, { header: false })
    expect(rows.map(({ line, name }) => [line, name])).toEqual([
      [1, 'Anna'],
      [2, 'Borys'],
    ])
    expect(file.notes).toEqual([expect.stringContaining('the first column')])
    expect(await names('1;Anna\n2;Borys\n', { header: false, column: '2' })).toEqual(['Anna', 'Borys'])
    expect((await refusal('1;Anna\n2;Borys\n', { header: false })).detail).toBe(
      'The first column does not look like names. Its first row is: 1 “1”, 2 “Anna”. Name one with ?column=.',
    )
    expect((await refusal(text, { header: false, column: 'Anna' })).code).toBe('header')
  })
})
