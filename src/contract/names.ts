import { z } from 'zod'
import { checking, type ValueFault } from './fault.ts'

/**
 * Two names are the same when they agree folded: NFC, single spaces, lower case. Accents count.
 * (« Opérateurs en double » of the ChatHub document compares lower-cased names only.)
 */
export const fold = (name: string): string =>
  name
    .normalize('NFC')
    .trim()
    .replace(/\s{2,}|[^\S ]/gu, ' ') // not the single spaces that nearly every name has
    .toLowerCase()

/** Folded for searching: without accents too, so that `zolc` finds `Żółć` but for letters that have no accent-free form. */
export const foldForSearch = (name: string): string =>
  fold(name)
    .normalize('NFD')
    .replace(/\p{M}+/gu, '')
    .normalize('NFC')

const nameLengthMax = 100

/** Why this is nobody's name; undefined when it may be one. Measured in UTF-16 units after trim and NFC, as ChatHub does. */
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

/** The name as it is stored: trimmed, NFC. */
export const cleanName = (name: string): string => name.trim().normalize('NFC')

/** The name of an operator to add, as it was given. */
export const GivenName = z.string().superRefine(checking(nameFault))

/** The same; comes out clean. */
export const NewName = GivenName.transform(cleanName).meta({
  openapi: {
    type: 'string',
    minLength: 1,
    description:
      'After trim and NFC 1 to 100 UTF-16 units, no control characters, lone surrogates or bidirectional overrides.',
  },
})
