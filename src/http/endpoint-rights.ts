import { authorize, hasScope } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import type { Endpoint } from '../contract/endpoints.ts'
import { Failure, isFailure } from '../errors.ts'

/** The scopes that every request of the endpoint needs. @throws Failure `scope.missing` */
export const authorizeScopes = (caller: Caller, { scope, scopeToo, scopeOr }: Endpoint): void => {
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
