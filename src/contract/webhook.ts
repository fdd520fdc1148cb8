import { z } from 'zod'
import { Event, eventPlace, eventTypes } from './event.ts'
import { component, distinct, Id, listOf } from './ids.ts'

const Instant = z.iso.datetime()

export const NewWebhook = component('NewWebhook', {
  url: z
    .string()
    .min(1)
    .max(2048)
    .describe('https:, at a host that the gateway allows. No redirect is followed.'),
  organizations: listOf(Id, [1, 1000])
    .overwrite(distinct)
    .optional()
    .describe('Only these. Default: all organizations of the caller, also later ones.'),
  types: z
    .array(z.enum(eventTypes))
    .min(1)
    .max(100)
    .overwrite(distinct)
    .optional()
    .describe('Only these types. `resync` is always sent.'),
  description: z.string().max(200).default(''),
})
export type NewWebhook = z.infer<typeof NewWebhook>

export const RotateSecret = component('RotateSecret', {
  overlapSeconds: z
    .int()
    .min(0)
    .max(604_800)
    .default(86_400)
    .describe('For so long each delivery is signed with the old secret too.'),
})
export type RotateSecret = z.infer<typeof RotateSecret>

export const Replay = component('Replay', {
  after: eventPlace
    .optional()
    .describe(
      'Sends again what follows this event. Default: from the oldest dead letter of each organization on.',
    ),
})
export type Replay = z.infer<typeof Replay>

const Failed = {
  attempts: z.int(),
  status: z.int().nullable().describe('Of the last answer. Null: there was none.'),
  reason: z.enum(['status', 'redirect', 'timeout', 'connection', 'address']),
}

export const Webhook = component('Webhook', {
  id: z.string(),
  url: z.string(),
  organizations: z.array(Id).nullable().describe('Null: all of its key.'),
  types: z.array(z.enum(eventTypes)).nullable().describe('Null: all.'),
  description: z.string(),
  createdAt: Instant,
  state: z
    .enum(['active', 'stopped'])
    .describe('`stopped`: nothing is sent. `:replay` with a valid key goes on.'),
  reason: z
    .enum(['receiver', 'key', 'secret'])
    .nullable()
    .describe(
      'Why it is stopped. `receiver`: it answered 410. `key`: its key ended. `secret`: it cannot be read; rotate it.',
    ),
  secrets: z
    .array(z.strictObject({ createdAt: Instant, endsAt: Instant.nullable() }))
    .describe('Those that sign now, the newest first.'),
  failing: z
    .array(
      z.strictObject({
        organization: Id.nullable(),
        firstAttemptAt: Instant,
        nextAttemptAt: Instant,
        ...Failed,
      }),
    )
    .describe('Organizations whose events wait for a failed delivery, at most 100.'),
  deadLetters: z.int(),
})
export type Webhook = z.infer<typeof Webhook>

export const WebhookWithSecret = component('WebhookWithSecret', {
  ...Webhook.shape,
  secret: z.string().describe('`whsec_` and 32 bytes as base64. It is shown only here.'),
})
export const Webhooks = component('Webhooks', { items: z.array(Webhook) })

export const WebhookTest = component('WebhookTest', {
  delivered: z.boolean(),
  status: z.int().nullable(),
  reason: Failed.reason.nullable(),
})
export type WebhookTest = z.infer<typeof WebhookTest>

const DeadLetter = component('DeadLetter', {
  event: z.string().describe('Its id, and the webhook-id of its deliveries.'),
  organization: Id,
  type: z.string(),
  ...Failed,
  firstAttemptAt: Instant,
  deadAt: Instant,
})
export type DeadLetter = z.infer<typeof DeadLetter>
export const DeadLetters = component('DeadLetters', {
  items: z.array(DeadLetter).describe('Oldest first, the last 1,000.'),
  total: z.int(),
})

export const WebhookMessage = component('WebhookMessage', {
  type: Event.shape.type,
  timestamp: Instant.describe('`observedAt` of the event.'),
  data: Event,
})
