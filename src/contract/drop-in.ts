import { z } from 'zod'
import { Id, IdText } from './ids.ts'
import { GivenName } from './names.ts'

/**
 * ChatHub's own shapes, for the drop-in paths: a program written for ChatHub changes its base URL and token, nothing else.
 * Status integers as ChatHub gave them; unknown fields are ignored; names go as given; every fault is 400.
 */

/** What ChatHub labels its JSON with, best first: its samples ask for text/plain. */
export const wireMedia = ['application/json', 'text/plain', 'text/json'] as const

const WireOrganization = z.object({ id: z.int(), name: z.string() }).meta({ id: 'ChatHubOrganization' })

export const WireOrganizations = z.array(WireOrganization)

const wireOperator = { id: z.int(), name: z.string(), status: z.int() }

export const WireOperators = z.array(
  z.object({ ...wireOperator, organization: WireOrganization }).meta({ id: 'ChatHubOperator' }),
)

export const WireListQuery = z.object({ organizationId: IdText })

/** What the gateway's own endpoints refuse of a name, ChatHub's samples refuse too (« Validation »). */
export const WireNewOperators = z.array(z.object({ organizationId: Id, name: GivenName })).min(1)

export const WireAdded = z.array(z.object(wireOperator))

export const WireStatusChange = z.object({ id: Id, status: z.int().min(0).max(2) })

export const WireTokenRequest = z.object({ id: Id, expiresAt: z.iso.datetime({ offset: true }) })

export const WireValidate = z.object({ token: z.string().min(1).max(8192) })

export const WireValidity = z.object({
  isValid: z.boolean(),
  operatorId: z.int().nullish(),
  clientId: z.union([z.number(), z.string()]).nullish(),
  expiresAt: z.string().nullish(),
  error: z.string().nullish(),
})

export const WireLogin = z.object({ login: z.string().min(1).max(64), password: z.string().min(1).max(512) })

export const WireToken = z.string()
