import type { Request } from 'express'
import { authorize } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import type { Endpoint } from '../contract/endpoints.ts'
import type { Address } from './address.ts'
import { checkBodyHeaders } from './body.ts'
import { authorizeScopes } from './endpoint-rights.ts'
import { negotiateType } from './negotiate.ts'
import { refuseFaults } from './validate.ts'
import { idempotencyKeyOf } from './with-idempotency.ts'

/** What the head of a request decides about its answer. */
export type Head = { contentType: string; idempotencyKey: string | undefined }

/** Every refusal for which nothing of the body is needed. */
export const checkHead = (endpoint: Endpoint, req: Request, address: Address, caller: Caller): Head => {
  // 403 scope, 404 organization of the path.
  authorizeScopes(caller, endpoint)
  authorizePath(caller, endpoint, address)
  // 406 media type of the answer, 415 and 413 by the headers, 400 query and headers.
  const contentType = negotiateType(endpoint, req.headers.accept)
  checkBodyHeaders(endpoint, req)
  refuseFaults('request.invalid', address.queryFaults)
  return { contentType, idempotencyKey: idempotencyKeyOf(endpoint, req) }
}

/** The same for the arguments of a tool, which has no head of its own. JSON is answered. */
export const checkArguments = (endpoint: Endpoint, address: Address, caller: Caller): Head => {
  authorizeScopes(caller, endpoint)
  authorizePath(caller, endpoint, address)
  refuseFaults('request.invalid', address.queryFaults)
  return { contentType: 'application/json; charset=utf-8', idempotencyKey: undefined }
}

/** The organization that the path names. */
export const orgOf = ({ params }: Address): number | undefined =>
  (params as { org?: number } | undefined)?.org

/** @throws Failure `request.invalid` for a path that does not parse, because it names no organization */
const authorizePath = (caller: Caller, endpoint: Endpoint, address: Address): void => {
  const { pathFaults, queryFaults } = address
  if (pathFaults.length > 0) refuseFaults('request.invalid', [...pathFaults, ...queryFaults])
  if (!endpoint.anyOrganization) authorize(caller, { organization: orgOf(address) })
}
