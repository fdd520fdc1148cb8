import type { Scope } from '../contract/scopes.ts'
import { Failure } from '../errors.ts'

/** Who is calling and what it may touch. Immutable; the same object for every call with the same credential. */
export type Caller = {
  /** Client id; limits, idempotency keys and operations belong to it. */
  id: string
  kind: 'key' | 'jwt' | 'session' | 'token'
  scopes: ReadonlySet<Scope>
  /** `'*'`: every organization, those of tomorrow too. */
  organizations: ReadonlySet<number> | '*'
  requestsPerMinute: number
  /** Epoch ms; undefined: never. */
  expiresAt: number | undefined
  /** Of the key that it came with or was made from: what it may do ends with that key. */
  keyHash?: string
  /** For a session: the one origin whose pages may use it. */
  origin?: string
}

/** What is assumed of a caller whose credential does not say. */
export const requestsPerMinuteDefault = 6000

export const mayTouch = (caller: Caller, organization: number): boolean =>
  caller.organizations === '*' || caller.organizations.has(organization)

/** @throws Failure `scope.missing` */
export const requireScope = (caller: Caller, scope: Scope): void => {
  if (!caller.scopes.has(scope))
    throw new Failure('scope.missing', {
      errors: [{ pointer: '/scopes', code: 'missing', detail: `This endpoint needs the scope ${scope}.` }],
    })
}

/** @throws Failure `organization.unknown`, the same as for one that does not exist. */
export const requireOrganization = (caller: Caller, organization: number): void => {
  if (!mayTouch(caller, organization)) throw new Failure('organization.unknown')
}
