import { includes, type Scope, scopes } from '../contract/scopes.ts'
import { Failure } from '../errors.ts'
import type { Caller } from './caller.ts'

type Right = { scope?: Scope; organization?: number | undefined }

/** Whether the caller may touch the organization. Filters lists; everything else uses `authorize`. */
export const mayTouch = (caller: Caller, organization: number): boolean =>
  caller.organizations === '*' || caller.organizations.has(organization)

/** Whether the caller may know of another client: one organization at least is of both. */
export const sharesOrganization = (
  caller: Caller,
  { organizations }: Pick<Caller, 'organizations'>,
): boolean =>
  caller.organizations === '*' ||
  organizations === '*' ||
  [...organizations].some((organization) => mayTouch(caller, organization))

/** Each scope, and what includes it. */
const granting = new Map(
  scopes.map((scope) => [scope, scopes.filter((each) => each === scope || includes[each]?.includes(scope))]),
)

/** Whether the caller has the scope, or one that includes it. Decides single rows; everything else uses `authorize`. */
export const hasScope = (caller: Pick<Caller, 'scopes'>, scope: Scope): boolean =>
  caller.scopes.has(scope) || (granting.get(scope) as Scope[]).some((each) => caller.scopes.has(each))

/**
 * The one place where a right is decided. The pipeline calls it before it reads a body. Every function that touches an
 * organization calls it again.
 * @throws Failure `scope.missing`; `organization.unknown`, the same answer as for an organization that does not exist
 */
export const authorize = (caller: Caller, { scope, organization }: Right): void => {
  if (scope !== undefined && !hasScope(caller, scope))
    throw new Failure('scope.missing', {
      errors: [{ pointer: '/scopes', code: 'missing', detail: `This endpoint needs the scope ${scope}.` }],
    })
  if (organization !== undefined && !mayTouch(caller, organization)) throw new Failure('organization.unknown')
}
