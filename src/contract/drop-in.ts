import { z } from 'zod'
import { Id, IdText } from './ids.ts'
import { GivenName } from './names.ts'

/**
 * ChatHub's shapes for the drop-in paths, so that a program written for ChatHub changes only its base URL and token.
 * Status integers and names stay as given, unknown fields are ignored, and every input fault is 400.
 */

/** The media types of ChatHub's JSON, preferred first. Its samples ask for text/plain. */
export const dropInMedia = ['application/json', 'text/plain', 'text/json'] as const

const DropInOrganization = z.object({ id: z.int(), name: z.string() }).meta({ id: 'ChatHubOrganization' })

export const DropInOrganizations = z.array(DropInOrganization)

const dropInOperator = { id: z.int(), name: z.string(), status: z.int() }

export const DropInOperators = z.array(
  z.object({ ...dropInOperator, organization: DropInOrganization }).meta({ id: 'ChatHubOperator' }),
)

export const DropInListQuery = z.object({ organizationId: IdText })

/** ChatHub's samples refuse the same names (« Validation »). */
export const DropInNewOperators = z.array(z.object({ organizationId: Id, name: GivenName })).min(1)

export const DropInAdded = z.array(z.object(dropInOperator))

export const DropInStatusChange = z.object({ id: Id, status: z.int().min(0).max(2) })

export const DropInTokenRequest = z.object({ id: Id, expiresAt: z.iso.datetime({ offset: true }) })

export const DropInValidate = z.object({ token: z.string().min(1).max(8192) })

export const DropInValidity = z.object({
  isValid: z.boolean(),
  operatorId: z.int().nullish(),
  clientId: z.union([z.number(), z.string()]).nullish(),
  expiresAt: z.string().nullish(),
  error: z.string().nullish(),
})

export const DropInLogin = z.object({
  login: z.string().min(1).max(64),
  password: z.string().min(1).max(512),
})

export const DropInToken = z.string()
