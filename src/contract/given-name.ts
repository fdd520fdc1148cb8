import { z } from 'zod'
import { checking } from './fault.ts'
import { cleanName, nameFault } from './names.ts'

/** The name of an operator to add, unchanged. */
export const GivenName = z.string().superRefine(checking(nameFault))

/** The name of an operator to add, in its stored form. */
export const NewName = GivenName.transform(cleanName).meta({
  openapi: {
    type: 'string',
    minLength: 1,
    description:
      'After trim and NFC 1 to 100 UTF-16 units, no control characters, lone surrogates or bidirectional overrides.',
  },
})
