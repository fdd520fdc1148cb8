import type { Scope } from '../contract/scopes.ts'
import { Failure } from '../errors.ts'
import type { Caller } from './caller.ts'

type Right = { scope?: Scope; organization?: number | undefined }

/** Whether the caller may touch the organization. Filters lists; everything else uses `authorize`. */
export const mayTouch = (caller: Caller, organization: number): boolean =>
  caller.organizations === '*' || caller.organizations.has(organization)

/**
 * The one place where a right is decided. The pipeline calls it before it reads a body. Every function that touches an
 * organization calls it again.
 * @throws Failure `scope.missing`; `organization.unknown`, the same answer as for an organization that does not exist
 */
export const authorize = (caller: Caller, { scope, organization }: Right): void => {
  if (scope !== undefined && !caller.scopes.has(scope))
    throw new Failure('scope.missing', {
      errors: [{ pointer: '/scopes', code: 'missing', detail: `This endpoint needs the scope ${scope}.` }],
    })
  if (organization !== undefined && !mayTouch(caller, organization)) throw new Failure('organization.unknown')
}
