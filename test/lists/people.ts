import fc from 'fast-check'
import type { Operator, Status } from '../../src/contract/operator.ts'
import { createRoster, type Roster } from '../../src/lists/roster.ts'

export const organization = { id: 24, name: 'Customer Support' }

/** Operators 1, 2, 3 … with these names; a name may carry its status: `Olena:deleted`. */
export const people = (...names: string[]): Operator[] =>
  names.map((text, i) => {
    const [name = '', status = 'active'] = text.split(':')
    return { id: i + 1, name, status: status as Status, ...(status === 'unknown' && { statusCode: 7 }) }
  })

export const rosterOf = (...names: string[]): Roster => createRoster(organization, people(...names))

const statuses = fc.constantFrom<Status>('active', 'inactive', 'deleted')
// Few names, and many of them equal when folded, so that duplicates are common.
export const someName = fc.constantFrom(
  'Olena',
  'OLENA',
  ' Olena ',
  'José',
  'José'.normalize('NFD'),
  'Żółć',
  'Zolc',
  'Anna  Lee',
  'anna lee',
  'Іван',
)

export const somePeople = fc
  .uniqueArray(fc.record({ id: fc.integer({ min: 1, max: 500 }), name: someName, status: statuses }), {
    selector: ({ id }) => id,
    maxLength: 40,
  })
  .map((rows) => rows as Operator[])
