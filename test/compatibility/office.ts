import writeWorkbook from 'write-excel-file/node'
import { encode } from '../writes/import-case.ts'

/** A file as an office sends it, and what becomes of its import. */
export type OfficeFile = {
  form: string
  example: string
  result: string
  content(): Buffer | Promise<Buffer>
  /** Default: text/csv. */
  contentType?: string
  query?: string
  /** The names that are added. */
  names?: string[]
  /** Reasons of the rows that are rejected. */
  rejected?: string[]
  /** The code for which the file is refused. */
  fault?: string
  /** What the answer says of how the file was read. */
  file?: object
}

/** The only file of a form. */
const inForm = (disposition: string, content: string): Buffer =>
  Buffer.from(`--x\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n${content}\r\n--x--\r\n`)

const ukrainian = 'ПІБ;Відділ\r\nІван Франко;Продажі\r\nЛеся Українка;Підтримка\r\n'
const french = 'Nom complet;Équipe\r\nZoé Lefèvre;Ventes\r\nBenoît Noël;Support\r\n'
const ofUkraine = ['Іван Франко', 'Леся Українка']
const ofFrance = ['Zoé Lefèvre', 'Benoît Noël']
const guess = (charset: string) =>
  `The encoding was guessed: ${charset}. If names look wrong, name the encoding with ?charset=.`

/** `charset` with a leading `+` has a byte order mark. */
const encoded = (form: string, charset: string, text: string, names: string[]): OfficeFile => {
  const mark = charset.startsWith('+')
  const name = charset.replace('+', '')
  const isGuess = !mark && name !== 'utf-8'
  return {
    form,
    example: mark ? `${name} with a byte order mark` : name,
    result: isGuess ? 'read; the answer says that the encoding was guessed' : 'read',
    content: () => encode(text, name, mark),
    names,
    file: { format: 'csv', charset: name, notes: isGuess ? [guess(name)] : [] },
  }
}

const plain = (form: string, example: string, text: string, rest: Partial<OfficeFile> = {}): OfficeFile => ({
  form,
  example,
  result: rest.fault ? `refused, ${rest.fault}` : 'read',
  content: () => Buffer.from(text),
  names: rest.fault ? [] : ['Anna Lee', 'Zoé'],
  ...rest,
})

const xlsxType = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'
const workbook = (form: string, contentType: string, rest: Partial<OfficeFile> = {}): OfficeFile => ({
  form,
  example: contentType,
  result: 'read',
  contentType,
  content: () => {
    const rows = [['ПІБ', 'Відділ'], ...ofUkraine.map((name) => [name, 'A'])]
    const data = rows.map((row) => row.map((value) => ({ value, type: String })))
    return writeWorkbook([
      { data, sheet: 'Оператори' },
      { data: [[{ value: 'Zoé', type: String }]], sheet: 'Anciens' },
    ]).toBuffer()
  },
  names: ofUkraine,
  file: { format: 'xlsx', sheet: 'Оператори', columns: ['ПІБ'], notes: [] },
  ...rest,
})

/** Every form of file that imports know, for docs/compatibility.md. test/http/import-files.test.ts sends each. */
export const officeFiles: OfficeFile[] = [
  encoded('CSV UTF-8 of Excel', '+utf-8', ukrainian, ofUkraine),
  encoded('CSV of LibreOffice and Google Sheets', 'utf-8', french, ofFrance),
  encoded('CSV of Excel in Ukraine', 'windows-1251', ukrainian, ofUkraine),
  encoded('CSV of Excel in France', 'windows-1252', french, ofFrance),
  encoded('Unicode text of Excel', '+utf-16le', ukrainian.replaceAll(';', '\t'), ofUkraine),
  encoded('UTF-16 in the other byte order', '+utf-16be', french, ofFrance),
  encoded('UTF-16 of a program', 'utf-16le', ukrainian, ofUkraine),
  encoded('UTF-16 of a program', 'utf-16be', french, ofFrance),
  {
    ...encoded('An encoding that is named', 'windows-1251', ukrainian, ofUkraine),
    example: 'text/csv; charset=windows-1251',
    result: 'read',
    contentType: 'text/csv; charset=windows-1251',
    file: { charset: 'windows-1251', notes: [] },
  },
  plain('An encoding that is named', '?charset=macintosh', '', {
    content: () => Buffer.from('Nom\rAnna Lee\rZo\x8e\r', 'latin1'),
    query: '?charset=macintosh',
  }),
  plain('An encoding that is not known', 'cp866 without a name', '', {
    content: () => Buffer.from('name\n\x80\xad\xad\xa0\n', 'latin1'),
    fault: 'encoding',
    result: 'refused: name the encoding with ?charset=',
  }),
  plain('Semicolons', 'id;Nom', 'id;Nom\n1;Anna Lee\n2;Zoé\n', { file: { delimiter: ';' } }),
  plain('Tabs', 'text/tab-separated-values', 'id\tNom\n1\tAnna Lee\n2\tZoé\n', {
    contentType: 'text/tab-separated-values',
    file: { delimiter: '\t' },
  }),
  plain('Bars', 'id|Nom', 'id|Nom\n1|Anna Lee\n2|Zoé\n', { file: { delimiter: '|' } }),
  plain('A line that names the delimiter', 'sep=;', 'sep=;\r\nid;Nom\r\n1;Anna Lee\r\n2;Zoé\r\n'),
  plain('A text file', 'text/plain', 'name\nAnna Lee\nZoé', { contentType: 'text/plain' }),
  plain('A CSV file that Windows calls Excel', 'application/vnd.ms-excel', 'name\nAnna Lee\nZoé', {
    contentType: 'application/vnd.ms-excel',
  }),
  plain('A file of no known type', 'application/octet-stream', 'name\nAnna Lee\nZoé', {
    contentType: 'application/octet-stream',
  }),
  plain('A form of a browser or of curl', 'multipart/form-data', '', {
    content: () => inForm('name="file"; filename="people.csv"', 'name\nAnna Lee\nZoé'),
    contentType: 'multipart/form-data; boundary=x',
  }),
  plain('A form of .NET', 'name=file; filename=people.csv', '', {
    content: () =>
      inForm("name=file; filename=people.csv; filename*=utf-8''people.csv", 'name\nAnna Lee\nZoé'),
    contentType: 'multipart/form-data; boundary="x"',
  }),
  plain('A form with an option among its fields', 'name="dryRun"', '', {
    content: () => inForm('name="dryRun"', 'true'),
    contentType: 'multipart/form-data; boundary=x',
    fault: 'field',
    result: 'refused: options belong into the query',
  }),
  plain('Whole names', 'Display name', 'id,Display name\n1,Anna Lee\n2,Zoé\n'),
  plain('First and last names', 'Prénom;Nom', 'Prénom;Nom\nAnna;Lee\nZoé;\n', {
    result: 'read, first name first',
    file: { columns: ['Prénom', 'Nom'] },
  }),
  plain('One column without a header', 'Anna Lee', 'Anna Lee\nZoé\n', { result: 'every row is a name' }),
  plain('Columns without a header', '?header=false&column=2', '7;Anna Lee\n8;Zoé\n', {
    query: '?header=false&column=2',
  }),
  plain('Another column', '?column=Pseudo', 'Nom;Pseudo\nx;Anna Lee\ny;Zoé\n', { query: '?column=Pseudo' }),
  plain('A header that is not known', 'Pseudo;Rôle', 'Pseudo;Rôle\nAnna Lee;x\n', {
    fault: 'header',
    result: 'refused with the columns that are there',
  }),
  plain('A stray quote', 'Bo"rys', 'name\nAnna Lee\nBo"rys\nZoé\n', {
    rejected: ['name.quotes'],
    result: 'its row is rejected, the others are read',
  }),
  plain('A quote that is never closed', '"Borys', 'name\nAnna Lee\n"Borys\nZoé\n', {
    rejected: ['name.quotes'],
    result: 'its row is rejected, the others are read',
  }),
  plain('A final Ctrl-Z', '\\x1A', 'name\nAnna Lee\nZoé\n\x1a', {
    result: 'read',
  }),
  plain('An error of a formula', '#N/A', 'name\nAnna Lee\n#N/A\nZoé\n', {
    rejected: ['name.type'],
    result: 'its row is rejected, the others are read',
  }),
  plain("The gateway's own CSV", "'=Anna", "name\n'=Anna\nZoé\n", { names: ['=Anna', 'Zoé'] }),
  workbook('A workbook of Excel', xlsxType),
  workbook('A workbook of Excel', 'application/vnd.ms-excel'),
  workbook('A workbook of Excel', 'application/octet-stream'),
  workbook('A workbook of Excel', 'text/csv'),
  workbook('Another sheet', xlsxType, {
    example: '?sheet=Anciens',
    query: '?sheet=Anciens',
    names: ['Zoé'],
    file: { sheet: 'Anciens' },
  }),
  workbook('A sheet that is not there', xlsxType, {
    example: '?sheet=7',
    query: '?sheet=7',
    names: [],
    fault: 'sheet',
    result: 'refused with the sheets that are there',
  }),
  plain('A workbook of Excel 97', '.xls', '', {
    content: () => Buffer.concat([Buffer.from('d0cf11e0a1b11ae1', 'hex'), Buffer.alloc(600)]),
    contentType: 'application/vnd.ms-excel',
    fault: 'format',
  }),
  plain('A workbook with a password', '.xlsx', '', {
    content: () =>
      Buffer.concat([Buffer.from('d0cf11e0a1b11ae1', 'hex'), Buffer.from('EncryptedPackage', 'utf16le')]),
    contentType: xlsxType,
    fault: 'encrypted',
  }),
  plain('An HTML table named .xls', '<table>', '<html><table><tr><td>Anna', {
    contentType: 'application/vnd.ms-excel',
    fault: 'format',
  }),
  plain('A PDF document', '%PDF-1.7', '%PDF-1.7\n', {
    contentType: 'application/octet-stream',
    fault: 'format',
  }),
]
