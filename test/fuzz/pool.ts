import type { Dice } from './dice.ts'

/** Values of answers, by what they are a value of: `organization`, `operation`, `cursor`. */
export type Pool = {
  /** Takes what an answer of this path says, and what its request said. */
  harvest(path: string, value: unknown): void
  put(subject: string, value: unknown): void
  /** A value that was seen for a parameter or field of this name. Undefined: none was. */
  draw(dice: Dice, name: string, path: string): unknown
}

const keptMax = 40

/** `organizationId`, `organizations` and `org` are all about `organization`, or its beginning. */
const subjectOf = (name: string): string =>
  name
    .replace(/(?<=.)(Id|Ids|_id)$/, '')
    .replace(/s$/, '')
    .toLowerCase()

/** What the ids of a path are: `/v1/organizations/{org}/operators:setStatus` has operators. */
const collectionOf = (path: string): string => {
  const literals = path.split('/').filter((part) => part && !part.startsWith('{'))
  return subjectOf((literals.at(-1) ?? '').split(':')[0] as string)
}

/** The segment before a parameter says what it identifies. */
const beforeParameter = (path: string, name: string): string | undefined => {
  const segment = /([^/]+)\/\{(\w+)\}/g
  for (const [, before, found] of path.matchAll(segment))
    if (found === name) return subjectOf(before as string)
  return undefined
}

const isScalar = (value: unknown): boolean => ['string', 'number'].includes(typeof value)

export const createPool = (): Pool => {
  const seen = new Map<string, unknown[]>()
  const put = (subject: string, value: unknown): void => {
    const values = seen.get(subject) ?? []
    if (values.includes(value)) return
    values.push(value)
    if (values.length > keptMax) values.shift()
    seen.set(subject, values)
  }
  const harvest = (path: string, value: unknown, subject = collectionOf(path), depth = 0): void => {
    if (depth > 4 || value === null || typeof value !== 'object') return
    if (Array.isArray(value)) {
      for (const item of value.slice(0, 5))
        if (isScalar(item)) put(subject, item)
        else harvest(path, item, subject, depth + 1)
      return
    }
    for (const [key, of] of Object.entries(value)) {
      const about = key === 'id' || key === 'items' || key === 'ids' ? subject : subjectOf(key)
      if (isScalar(of)) put(about, of)
      else harvest(path, of, about, depth + 1)
    }
  }
  const valuesFor = (name: string, path: string): unknown[] => {
    if (name === '') return []
    const before = beforeParameter(path, name)
    const subject = name === 'id' || name === 'ids' ? collectionOf(path) : subjectOf(name)
    const exact = (before && seen.get(before)) ?? seen.get(subject)
    if (exact) return exact
    for (const [known, values] of seen)
      if (known.startsWith(subject) || (subject.length > 3 && known.endsWith(subject))) return values
    return []
  }
  return {
    harvest: (path, value) => harvest(path, value),
    put,
    draw: (dice, name, path) => {
      const values = valuesFor(name, path)
      return values.length > 0 ? dice.pick(values) : undefined
    },
  }
}
