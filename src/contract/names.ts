import type { ValueFault } from './fault.ts'

/**
 * Two names are the same when their folded forms are: NFC, single spaces, lower case. Accents count.
 * (« Opérateurs en double » of the ChatHub document compares lower-cased names only.)
 */
export const fold = (name: string): string =>
  name
    .normalize('NFC')
    .trim()
    .replace(/\s{2,}|[^\S ]/gu, ' ') // skips single spaces, which most names have
    .toLowerCase()

/** Folded without accents, for searching. A letter such as `ł` has no form without an accent and stays. */
export const foldForSearch = (name: string): string =>
  fold(name)
    .normalize('NFD')
    .replace(/\p{M}+/gu, '')
    .normalize('NFC')

const nameLengthMax = 100

/** Why this is not a valid name. Its length counts in UTF-16 units after trim and NFC, as in ChatHub. */
export const nameFault = (name: string): ValueFault | undefined => {
  if (!name.isWellFormed()) return { code: 'chars', detail: 'A name must not contain lone surrogates.' }
  if (!/[^\s\p{Cf}]/u.test(name) && !/\p{Cc}/u.test(name.trim()))
    return { code: 'blank', detail: 'A name must contain something visible.' }
  const clean = cleanName(name)
  if (/[\p{Cc}\u202A-\u202E\u2066-\u2069]/u.test(clean))
    return { code: 'chars', detail: 'A name must not contain control characters or bidirectional overrides.' }
  if (clean.length > nameLengthMax)
    return { code: 'length', detail: `A name has at most ${nameLengthMax} UTF-16 units.` }
  return undefined
}

/** The stored form of a name: trimmed, NFC. */
export const cleanName = (name: string): string => name.trim().normalize('NFC')
