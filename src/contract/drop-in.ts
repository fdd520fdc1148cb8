import { z } from 'zod'
import { GivenName } from './given-name.ts'
import { Id, IdText } from './ids.ts'

/**
 * ChatHub's shapes for the drop-in paths, so that a program written for ChatHub changes only its base URL and token.
 * Status integers and names stay as given, unknown fields are ignored, and every input fault is 400.
 */

/** The media types of ChatHub's JSON, preferred first. Its samples ask for text/plain. */
export const dropInMedia = ['application/json', 'text/plain', 'text/json'] as const

const DropInOrganization = z.object({ id: z.int(), name: z.string() }).meta({ id: 'ChatHubOrganization' })

export const DropInOrganizations = z.array(DropInOrganization).meta({ id: 'ChatHubOrganizations' })

const dropInOperator = { id: z.int(), name: z.string(), status: z.int() }

export const DropInOperators = z
  .array(z.object({ ...dropInOperator, organization: DropInOrganization }).meta({ id: 'ChatHubOperator' }))
  .meta({ id: 'ChatHubOperators' })

export const DropInListQuery = z.object({ organizationId: IdText.describe('The organization.') })

/** ChatHub's samples refuse the same names (« Validation »). */
export const DropInNewOperators = z
  .array(z.object({ organizationId: Id, name: GivenName }))
  .min(1)
  .meta({ id: 'ChatHubNewOperators' })

export const DropInAdded = z.array(z.object(dropInOperator)).meta({ id: 'ChatHubAddedOperators' })

export const DropInStatusChange = z
  .object({ id: Id, status: z.int().min(0).max(2) })
  .meta({ id: 'ChatHubStatusChange' })

export const DropInTokenRequest = z
  .object({ id: Id, expiresAt: z.iso.datetime({ offset: true }) })
  .meta({ id: 'ChatHubTokenRequest' })

export const DropInValidate = z
  .object({ token: z.string().min(1).max(8192) })
  .meta({ id: 'ChatHubTokenToValidate' })

export const DropInValidity = z
  .object({
    isValid: z.boolean(),
    operatorId: z.int().nullish(),
    clientId: z.union([z.number(), z.string()]).nullish(),
    expiresAt: z.string().nullish(),
    error: z.string().nullish(),
  })
  .meta({ id: 'ChatHubTokenValidity' })

export const DropInLogin = z
  .object({
    login: z.string().min(1).max(64),
    password: z.string().min(1).max(512),
  })
  .meta({ id: 'ChatHubLogin' })

export const DropInToken = z.string().meta({ id: 'ChatHubToken' })
