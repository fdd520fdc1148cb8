import { strToU8, zipSync } from 'fflate'

/** The text of a cell, kept in the cell itself. */
export const inline = (place: string, text: string): string =>
  `<c r="${place}" t="inlineStr"><is><t>${text}</t></is></c>`

type Book = {
  /** Names of the sheets; only the first has rows of its own. */
  sheets?: string[]
  /** The XML of `sheetData` by sheet. */
  data: string[]
  /** The XML of the shared strings: `<si>…</si>`. */
  shared?: string
  /** The XML of the styles. */
  styles?: string
}

const type = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'

/** A workbook made by hand, for what no writer writes. */
export const workbook = ({ data, shared, styles, sheets = data.map((_, i) => `Sheet${i + 1}`) }: Book) => {
  const relation = (id: string, kind: string, target: string) =>
    `<Relationship Id="${id}" Type="${type}/${kind}" Target="${target}"/>`
  const files: Record<string, string> = {
    '[Content_Types].xml': '<Types/>',
    'xl/workbook.xml': `<workbook xmlns:r="${type}"><sheets>${sheets
      .map((name, i) => `<sheet name="${name}" sheetId="${i + 1}" r:id="r${i}"/>`)
      .join('')}</sheets></workbook>`,
    'xl/_rels/workbook.xml.rels': `<Relationships>${data
      .map((_, i) => relation(`r${i}`, 'worksheet', `worksheets/sheet${i}.xml`))
      .join(
        '',
      )}${relation('s', 'sharedStrings', 'sharedStrings.xml')}${relation('t', 'styles', 'styles.xml')}</Relationships>`,
    ...(shared !== undefined && { 'xl/sharedStrings.xml': `<sst>${shared}</sst>` }),
    ...(styles !== undefined && { 'xl/styles.xml': `<styleSheet>${styles}</styleSheet>` }),
  }
  for (const [i, rows] of data.entries())
    files[`xl/worksheets/sheet${i}.xml`] = `<worksheet><sheetData>${rows}</sheetData></worksheet>`
  return zip(files)
}

export const zip = (files: Record<string, string>): Buffer =>
  Buffer.from(zipSync(Object.fromEntries(Object.entries(files).map(([name, text]) => [name, strToU8(text)]))))
