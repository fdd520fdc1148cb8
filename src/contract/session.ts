import { z } from 'zod'
import { Count, component, distinct, Id, listOf } from './ids.ts'
import { scopes } from './scopes.ts'

export const sessionCookie = '__Host-chathub-session'
/** A request with the session cookie must carry this header. No form and no simple request can send it. */
export const sessionHeader = 'X-Gateway-Session'

/** Whether this is exactly an origin: scheme, host and port. */
export const isOrigin = (text: string): boolean => URL.canParse(text) && new URL(text).origin === text

const Origin = z
  .string()
  .max(300)
  .refine(isOrigin, {
    message: 'Wanted: an origin such as https://crm.example.com.',
    params: { code: 'origin' },
  })

/** Visible text. It is compared exactly. */
const Subject = z
  .string()
  .min(1)
  .max(128)
  .refine((text) => !/[\p{Cc}\p{Cs}\u202A-\u202E\u2066-\u2069]/u.test(text), {
    message: 'Wanted: no control characters and no lone surrogates.',
    params: { code: 'chars' },
  })

export const NewSession = component('NewSession', {
  organizations: z
    .union([listOf(Id, [0, 1000]).overwrite(distinct), z.literal('*')])
    .describe('`*`: all organizations, also future ones. Only a credential with `*` may give it.'),
  scopes: listOf(z.enum(scopes), [0, 1000]).overwrite(distinct),
  origin: Origin.describe('The only origin whose pages may use the session.'),
  ttlSeconds: z
    .int()
    .min(60)
    .max(43_200)
    .default(43_200)
    .describe('Use does not extend it. SESSION_MAX_SECONDS is the most.'),
  ticketSeconds: z
    .int()
    .min(10)
    .max(3600)
    .default(60)
    .describe('How long the ticket works: longer where a person opens it by hand.'),
  subject: Subject.optional().describe(
    'Names the person, as in your own system. It is written into the audit log and into operations.',
  ),
  operator: Id.optional().describe(
    'The operator of this person. The session may have its token, and no other. Needs the scope `tokens:mint`.',
  ),
})
export const SessionsQuery = z.strictObject({
  subject: Subject.describe('The person, as named when the sessions were minted.'),
})
export const Ticket = z
  .strictObject({ ticket: z.string(), expiresAt: z.iso.datetime() })
  .meta({ id: 'Ticket', description: 'Opens one session, until `expiresAt`.' })
export const TicketUse = component('TicketUse', { ticket: z.string().min(1).max(200) })
export const Session = component('Session', {
  scopes: z.array(z.enum(scopes)),
  organizations: z.union([z.literal('*'), z.array(Id)]),
  origin: z.string(),
  subject: z.string().nullable(),
  operator: Id.nullable().describe('The operator whose token this session may have.'),
  expiresAt: z.iso.datetime().describe('Use does not extend it.'),
  idleSeconds: Count.describe('A session that is not used for so long ends earlier.'),
  signOut: z
    .string()
    .nullable()
    .describe(
      'Where the browser goes once the session has ended, to sign out at the identity provider too. Null: no provider signed this person in.',
    ),
})
