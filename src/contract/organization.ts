import { z } from 'zod'
import { Count, component, Id, IdList } from './ids.ts'

export const Organization = component('Organization', { id: Id, name: z.string() })
export type Organization = z.infer<typeof Organization>

export const OrganizationList = component('OrganizationList', {
  items: z.array(Organization),
  total: Count,
})

export const OrganizationQuery = z.strictObject({
  q: z.string().max(200).optional().describe('Part of the name. Case and accents are ignored.'),
  ids: IdList.optional().describe('Only these organizations.'),
})

const counts = {
  total: Count,
  active: Count,
  inactive: Count,
  deleted: Count,
  unknown: Count.describe('Operators with a status that ChatHub never documented.'),
}

export const Statistics = component('Statistics', counts)
export type Statistics = z.infer<typeof Statistics>

export const AllStatistics = component('AllStatistics', {
  organizations: z.array(component('OrganizationStatistics', { id: Id, name: z.string(), ...counts })),
  ...counts,
  unavailable: z.array(Id).describe('Organizations whose list was not available in time.'),
})

export const Diagnosis = component('Diagnosis', {
  known: z
    .boolean()
    .nullable()
    .describe('ChatHub lists this organization. Null: ChatHub cannot be asked, and nothing is remembered.'),
  allowed: z.boolean().describe('This credential may access it.'),
  operators: Count.nullable().describe('Operators in the last list. Null: there was none.'),
  lastAsked: z.iso.datetime().nullable().describe('When ChatHub last listed it.'),
  advice: z.array(component('Advice', { code: z.string(), text: z.string() })),
})
export type Diagnosis = z.infer<typeof Diagnosis>
