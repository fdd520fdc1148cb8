import type { TableRow } from './csv.ts'
import { brokenFile } from './file-format.ts'

/**
 * Where the names stand in the rows of a table. `indexes`: the columns whose cells make the name, in this order. `titles`:
 * their headers, else their numbers.
 */
export type NameColumn = { indexes: number[]; titles: string[]; hasHeader: boolean; note?: string }

type Wish = { column?: string | undefined; header?: boolean | undefined }

/** Usual headers, compared without case, accents, blanks and signs. Whole names first: a file may have `Name` beside them. */
const wholeNames = [
  'full name, display name, operator name, agent name, employee name, first and last name',
  "nom complet, nom et prénom, prénom et nom, nom prénom, prénom nom, nom affiché, nom d'affichage",
  "nom de l'opérateur, nom de l'agent, nom de l'employé",
  "ПІБ, повне ім'я, прізвище та ім'я, прізвище і ім'я, прізвище ім'я, ім'я та прізвище, ім'я прізвище",
  "прізвище ім'я по батькові, прізвище ім'я та по батькові, ім'я оператора",
  'ФИО, полное имя, фамилия и имя, фамилия имя, имя и фамилия, имя фамилия',
  'фамилия имя отчество, имя оператора',
]
const plainNames = ["name, names, nom, noms, ім'я, імена, имя, имена"]
const people = [
  'operator, operators, agent, agents, employee, employees',
  'opérateur, opérateurs, opératrice, employé, employés, employée',
  'оператор, оператори, агент, агенти, співробітник, співробітники, працівник, працівники',
  'операторы, агенты, сотрудник, сотрудники, работник, работники',
]
const firstNames = ['first name, given name, forename, prénom, prénoms']
const lastNames = ['last name, surname, family name, nom de famille, прізвище, фамилия']

// A longer first cell is no header.
const headerMax = 200

/** A header as it is compared: letters and digits, without a remark in brackets. The apostrophes of ім'я may be letters. */
const keyOf = (header: string): string =>
  header
    .replaceAll(/\([^()]*\)/g, '')
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]|[\u02b0-\u02ff]/gu, '')

const keysOf = (lists: readonly string[]): Set<string> =>
  new Set(lists.flatMap((list) => list.split(', ').map(keyOf)))
const tiers = [wholeNames, plainNames, people].map(keysOf)
const [first, last] = [keysOf(firstNames), keysOf(lastNames)]
const usual = new Set([...tiers, first, last].flatMap((keys) => [...keys]))

/**
 * Finds the names by the first row that is not blank. Without a header of that kind a single column is the names; of several
 * columns the caller names one.
 * @throws Failure `request.invalid-body` that lists the columns the file has
 */
export const findNameColumn = ({ line, cells, fault }: TableRow, { column, header }: Wish): NameColumn => {
  if (fault !== undefined) throw brokenFile(fault, 'The first row has a quote that is out of place.', line)
  const headers = cells.map((cell) => (cell || '').slice(0, headerMax).trim())
  const keys = headers.map(keyOf)
  const isSingle = cells.length === 1
  const hasHeader = header ?? isHeader(headers, column)
  const at = (indexes: number[], note?: string): NameColumn => ({
    indexes,
    titles: indexes.map((index) => (hasHeader && headers[index]) || String(index + 1)),
    hasHeader,
    ...(note !== undefined && { note }),
  })
  const refuse = (why: string): never => {
    throw brokenFile('header', `${why} ${describe(headers, hasHeader)} Name one with ?column=.`, line)
  }
  if (column !== undefined) {
    const index = columnNamed(column, hasHeader ? headers : [], cells.length)
    return index === undefined ? refuse('The file does not have exactly one such column.') : at([index])
  }
  if (isSingle && hasHeader) return at([0])
  if (isSingle)
    return at(
      [0],
      'The file has one column without a usual header, so every row is a name. Else use ?header=true.',
    )
  if (hasHeader) {
    const found = columnsByHeader(keys)
    return typeof found === 'string' ? refuse(found) : at(found)
  }
  if (!/\p{L}/u.test(headers[0] ?? '')) refuse('The first column does not look like names.')
  return at([0], 'The names were read from the first column. Another one is named with ?column=.')
}

/** A single column has a header where it is a usual one, or the one that the caller names. Several columns always have one. */
const isHeader = (headers: readonly string[], column = ''): boolean =>
  headers.length > 1 || headers.some((text) => usual.has(keyOf(text)) || text === column.trim())

/** The column with this header; else, for a whole number, the column with this number. */
const columnNamed = (column: string, headers: string[], count: number): number | undefined => {
  const wanted = column.trim().toLowerCase()
  for (const form of [(text: string) => text.toLowerCase(), keyOf]) {
    const found = headers.flatMap((text, index) =>
      form(text) !== '' && form(text) === form(wanted) ? [index] : [],
    )
    if (found.length > 0) return found.length === 1 ? found[0] : undefined
  }
  const number = /^\d{1,5}$/.test(wanted) ? Number(wanted) : 0
  return number >= 1 && number <= count ? number - 1 : undefined
}

/** The columns with usual headers, or why there are none. First and last names are joined in this order. */
const columnsByHeader = (keys: readonly string[]): number[] | string => {
  const indexesIn = (tier: Set<string>) => keys.flatMap((key, index) => (tier.has(key) ? [index] : []))
  const [whole = [], plains = [], roles = []] = tiers.map(indexesIn)
  const [firsts, lasts] = [indexesIn(first), indexesIn(last)]
  // `Nom` beside `Prénom` is a last name, `Ім'я` beside `Прізвище` a first name.
  const halves = [firsts.length > 0 ? firsts : plains, lasts.length > 0 ? lasts : plains]
  const isPair = firsts.length + lasts.length > 0 && halves.every(({ length }) => length === 1)
  const pair = isPair ? halves.flat() : []
  const found = whole.length > 0 ? whole : pair.length > 0 ? pair : plains.length > 0 ? plains : roles
  if (found.length === 0) return 'No column has a usual header such as name, nom, ім’я or имя.'
  if (found.length > 1 && found !== pair) return 'More than one column may hold the names.'
  return found
}

const shownMax = 20

/** The columns that are there, as a sentence. */
const describe = (headers: readonly string[], hasHeader: boolean): string => {
  const shown = headers.slice(0, shownMax).map((text, index) => `${index + 1} “${text.slice(0, 50)}”`)
  const more = headers.length > shownMax ? ` and ${headers.length - shownMax} more` : ''
  return `${hasHeader ? 'Its columns are' : 'Its first row is'}: ${shown.join(', ').toWellFormed()}${more}.`
}
