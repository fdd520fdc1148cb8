import { z } from 'zod'
import { Count, component } from './ids.ts'

const Day = z.iso.date().describe('A day in UTC.')

export const UsageQuery = z.strictObject({
  day: Day.optional().describe('A day in UTC of the last eight. Default: today.'),
})
export const Usage = component('Usage', {
  day: Day,
  items: z
    .array(
      component('ClientUsage', {
        client: z
          .string()
          .describe('The sessions of a key count as the key. `(others)`: too many to count apart.'),
        requests: Count,
        fromCache: Count.describe('Reads of lists that caused no wait for ChatHub.'),
        calls: Count.describe('Requests to ChatHub that were made for it, retries included.'),
        waitedSeconds: z.number().min(0).describe('How long its calls waited for the budget, together.'),
        refused: Count.describe('Answers 429 and 503.'),
        wouldRefuse: Count.describe('Requests that `shadowRequestsPerMinute` would have refused.'),
      }),
    )
    .describe('Clients that share an organization with the caller.'),
})
export type Usage = z.infer<typeof Usage>
