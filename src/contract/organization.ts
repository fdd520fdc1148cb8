import { z } from 'zod'
import { Id, IdList } from './ids.ts'

export const Organization = z.strictObject({ id: Id, name: z.string() }).meta({ id: 'Organization' })
export type Organization = z.infer<typeof Organization>

export const OrganizationList = z
  .strictObject({ items: z.array(Organization), total: z.int() })
  .meta({ id: 'OrganizationList' })

export const OrganizationQuery = z.strictObject({
  q: z.string().max(200).optional().describe('Part of the name. Case and accents are ignored.'),
  ids: IdList.optional().describe('Only these organizations.'),
})

const counts = {
  total: z.int(),
  active: z.int(),
  inactive: z.int(),
  deleted: z.int(),
  unknown: z.int().describe('Operators with a status that ChatHub never documented.'),
}

export const Statistics = z.strictObject(counts).meta({ id: 'Statistics' })
export type Statistics = z.infer<typeof Statistics>

export const AllStatistics = z
  .strictObject({
    organizations: z.array(z.strictObject({ id: Id, name: z.string(), ...counts })),
    ...counts,
    unavailable: z.array(Id).describe('Organizations whose list was not available in time.'),
  })
  .meta({ id: 'AllStatistics' })

export const Diagnosis = z
  .strictObject({
    known: z.boolean().describe('ChatHub lists this organization.'),
    allowed: z.boolean().describe('This credential may access it.'),
    operators: z.int().nullable().describe('Operators in the last list. Null: there was none.'),
    lastAsked: z.iso.datetime().nullable().describe('When ChatHub last listed it.'),
    advice: z.array(z.strictObject({ code: z.string(), text: z.string() })),
  })
  .meta({ id: 'Diagnosis' })
export type Diagnosis = z.infer<typeof Diagnosis>
