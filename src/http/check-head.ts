import type { Request } from 'express'
import { authorize, hasScope } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import type { Endpoint } from '../contract/endpoints.ts'
import { Failure, isFailure } from '../errors.ts'
import type { Address } from './address.ts'
import { checkBodyHeaders } from './body.ts'
import { negotiateType } from './negotiate.ts'
import { refuseFaults } from './validate.ts'
import { idempotencyKeyOf } from './with-idempotency.ts'

/** What the head of a request decides about its answer. */
export type Head = { contentType: string; idempotencyKey: string | undefined }

/** Every refusal for which nothing of the body is needed. */
export const checkHead = (endpoint: Endpoint, req: Request, address: Address, caller: Caller): Head => {
  authorizeAddress(caller, endpoint, address)
  // 406 media type of the answer, 415 and 413 by the headers, 400 query and headers.
  const contentType = negotiateType(endpoint, req.headers.accept)
  checkBodyHeaders(endpoint, req)
  refuseFaults('request.invalid', address.queryFaults)
  return { contentType, idempotencyKey: idempotencyKeyOf(endpoint, req) }
}

/** The same for the arguments of a tool, which has no head of its own. JSON is answered. */
export const checkArguments = (endpoint: Endpoint, address: Address, caller: Caller): Head => {
  authorizeAddress(caller, endpoint, address)
  refuseFaults('request.invalid', address.queryFaults)
  return { contentType: 'application/json; charset=utf-8', idempotencyKey: undefined }
}

export const orgOf = ({ params }: Address): number | undefined =>
  (params as { org?: number } | undefined)?.org

/** 403 scope, 404 organization of the path; 400 for a path that does not parse, because it names none. */
const authorizeAddress = (caller: Caller, endpoint: Endpoint, address: Address): void => {
  authorizeScopes(caller, endpoint)
  const { pathFaults, queryFaults } = address
  if (pathFaults.length > 0) refuseFaults('request.invalid', [...pathFaults, ...queryFaults])
  if (!endpoint.anyOrganization) authorize(caller, { organization: orgOf(address) })
}

/** The scopes that every request of the endpoint needs. @throws Failure `scope.missing` */
const authorizeScopes = (caller: Caller, { scope, scopeToo, scopeOr }: Endpoint): void => {
  const isGranted = scopeOr !== undefined && hasScope(caller, scopeOr)
  if (scope !== 'open' && scope !== 'any' && !isGranted) authorize(caller, { scope })
  if (scopeToo) authorize(caller, { scope: scopeToo })
}

/** The scope that this body needs. @throws Failure `scope.missing` */
export const authorizeValue = (caller: Caller, { scopeOfValue }: Endpoint, body: unknown): void => {
  if (scopeOfValue?.needs(body as never)) authorize(caller, { scope: scopeOfValue.scope })
}

/**
 * Authenticates the request again, for what takes long: the caller must be the same and still have the rights.
 * Returns it with the rights of now. @throws Failure the refusal that the request would get now
 */
export const authorizeAgain = async (
  authenticate: () => Caller | Promise<Caller>,
  { id }: Caller,
  endpoint: Endpoint,
  { body, organization }: { body: unknown; organization: number | undefined },
): Promise<Caller> => {
  const caller = await authenticate()
  authorizeScopes(caller, endpoint)
  authorizeValue(caller, endpoint, body)
  authorize(caller, { organization })
  // The key was given to another client.
  if (caller.id !== id) throw new Failure('credential.invalid')
  return caller
}

/** The reader of a stream with the rights of now, if it may still read. An unverifiable credential keeps those it had. */
export const readerNow = (stillAllowed: Promise<Caller>, reader: Caller): Promise<Caller | undefined> =>
  stillAllowed.catch((error: unknown) => (isFailure(error, 'credential.unverifiable') ? reader : undefined))
