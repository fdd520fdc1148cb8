import { describe, expect, it } from '@jest/globals'
import { encode, names, read, refusal } from './import-case.ts'

const charsetOf = async (content: Buffer, contentType?: string) =>
  (await read(content, {}, contentType)).file.charset

/** Lists as offices keep them: few words, short words, capitals, initials, signs. */
const samples: Record<string, string[]> = {
  'windows-1251': [
    "ПІБ\nІваненко Іван\nО'Лірі Мар’яна\nҐалаґан Ґ. Ґ.\n",
    'name\nЛі\nЇжак Юрій\n',
    'id;ФИО;тел\n1;Пётр Ёлкин;+380 44 123\n2;Ольга «Оля» Щукина;№ 5\n',
    'name\nІ. Франко\nЛ. Українка\n',
    'name,email\nІВАН ПЕТРЕНКО,ivan@example.com\nАННА – старша,anna@example.com\n',
    'operator;team\nМаксим Петрук;Sales\nЄвген;Support\n',
  ],
  'windows-1252': [
    'Nom;Équipe\nZoé Lefèvre;A\nFrançois Noël;B\n',
    'Nom\nÉ. Zola\nÈve Œuvrard\n',
    'nom et prénom\nBenoît L’Hôte\nMaïté «la chef»\n',
    'name\nJosé\n',
    'name\nJürgen Groß\nBjörn Åkesson\nÅsa Öberg\n',
    'Nom;Prix\nRenée;5 €\nÇağlar;À voir\n'.replace('ğ', 'g'),
    'NOM\nLEFÈVRE ZOÉ\nÉLÉONORE\n',
  ],
}

describe('the encoding of a file', () => {
  it.each(Object.entries(samples))('%s is recognized without a word about it', async (charset, texts) => {
    for (const text of texts) {
      const content = encode(text, charset)
      const { rows, file } = await read(content, { column: '1', header: true })
      expect([text, file.charset]).toEqual([text, charset])
      expect(file.notes).toEqual([
        `The encoding was guessed: ${charset}. If names look wrong, name the encoding with ?charset=.`,
      ])
      expect(rows.length).toBeGreaterThan(0)
    }
  })

  it('is UTF-16 where every other byte is the upper half of a character', async () => {
    for (const charset of ['utf-16le', 'utf-16be'])
      for (const text of [...Object.values(samples).flat(), 'Анна'])
        expect([text, await charsetOf(encode(text, charset), 'text/csv; header=present')]).toEqual([
          text,
          charset,
        ])
  })

  it('is what a byte order mark says, whatever else is said', async () => {
    for (const charset of ['utf-8', 'utf-16le', 'utf-16be']) {
      const content = encode('name\nІван\n', charset, true)
      expect(await names(content, { charset: 'windows-1251' }, 'text/csv; charset=koi8-u')).toEqual(['Іван'])
    }
  })

  it('is what the query says, else what the media type says, by any usual label', async () => {
    for (const label of ['windows-1251', 'CP1251', 'x-cp1251'])
      expect(await names(encode('name\nІван\n', 'windows-1251'), { charset: label })).toEqual(['Іван'])
    for (const label of ['windows-1252', 'latin1', 'ISO-8859-1'])
      expect(
        await names(encode('name\nNoël – €\n', 'windows-1252'), {}, `text/csv;charset=${label}`),
      ).toEqual(['Noël – €'])
    const mac = Buffer.from('name\nJos\x8e\n', 'latin1')
    expect(await names(mac, { charset: 'macintosh' }, 'text/csv; charset=utf-8')).toEqual(['José'])
    expect(await names(Buffer.from('name\n\xe2\xad\xad\xa0\n', 'latin1'), { charset: 'cp866' })).toEqual([
      'тнна',
    ])
    expect(await names(encode('name\nІван\n', 'utf-16le'), { charset: 'utf-16' })).toEqual(['Іван'])
  })

  it('is looked for where the media type says UTF-8 and the file is not', async () => {
    const content = encode('name\nІваненко\n', 'windows-1251')
    for (const type of ['text/csv; charset=utf-8', 'text/csv;charset="UTF8"'])
      expect(await charsetOf(content, type)).toBe('windows-1251')
    expect((await refusal(content, { charset: 'utf-8' })).code).toBe('encoding')
  })

  it('that nobody knows is refused with what to do', async () => {
    const dos = Buffer.from('name\n\x88\xa2\xa0\xad \x8f\xa5\xe2\xe0\xa5\xad\xaa\xae\n', 'latin1') // cp866
    const polish = Buffer.from('name\n\xa3ukasz \xafo\xb3\xb9d\xbc\n', 'latin1') // windows-1250
    const mac = Buffer.from('name\nJos\x8e\nRen\x8e\n', 'latin1')
    for (const content of [
      dos,
      polish,
      mac,
      Buffer.from('name\nAn\0na\n'),
      Buffer.from([0xff, 0xfe, 0x41]),
    ]) {
      const { code, detail } = await refusal(content)
      expect([content.toString('latin1'), code]).toEqual([content.toString('latin1'), 'encoding'])
      expect(detail).toMatch(/\?charset=windows-1251|is not utf-16le/)
    }
    expect((await refusal('name\nAnna\n', { charset: 'klingon' })).code).toBe('charset')
    expect((await refusal('name\nAnna\n', {}, 'text/csv; charset=klingon')).code).toBe('charset')
  })
})
