import { includes, type Scope } from '../contract/scopes.ts'
import { Failure, type Fault } from '../errors.ts'
import { hasScope, mayTouch } from './authorize.ts'
import type { Caller } from './caller.ts'

/** What a session may do, and who may use it. */
export type SessionRights = {
  /** `'*'`: every organization of the minter, also future ones. */
  organizations: number[] | '*'
  scopes: Scope[]
  /** The only origin whose pages may use the session. */
  origin: string
  subject?: string | undefined
  /** The person's own operator, whose token the session may have. */
  operator?: number | undefined
}

/** The rights of a session that the key of its minter has now. Without a key, those of then. */
export const rightsNow = (
  { scopes, organizations, operator }: SessionRights,
  key: Caller | undefined,
): Pick<Caller, 'scopes' | 'organizations' | 'operator'> => ({
  scopes: new Set(key ? scopes.flatMap((scope) => withinRights(key, scope)) : scopes),
  organizations:
    organizations === '*'
      ? (key?.organizations ?? '*')
      : new Set(organizations.filter((id) => !key || mayTouch(key, id))),
  operator: !key || hasScope(key, 'tokens:mint') ? operator : undefined,
})

/** The scope if the key has it; else what it includes and the key has. */
const withinRights = (key: Caller, scope: Scope): readonly Scope[] =>
  hasScope(key, scope) ? [scope] : (includes[scope] ?? []).filter((each) => hasScope(key, each))

/** @throws Failure `session.exceeds`, `organization.unknown`, with everything that the minter lacks */
export const refuseExcess = (minter: Caller, { scopes, organizations, operator }: SessionRights): void => {
  if (minter.kind === 'session')
    throw new Failure('session.exceeds', { detail: 'A browser session cannot mint another.' })
  const exceeds = (pointer: string, detail: string): Fault => ({ pointer, code: 'exceeds', detail })
  const excess = scopes.flatMap((scope, i) =>
    hasScope(minter, scope) ? [] : exceeds(`/scopes/${i}`, 'The minter lacks this scope.'),
  )
  if (operator !== undefined && !hasScope(minter, 'tokens:mint'))
    excess.push(exceeds('/operator', 'The minter lacks the scope tokens:mint.'))
  if (excess.length > 0) throw new Failure('session.exceeds', { errors: excess })
  if (organizations === '*') {
    if (minter.organizations === '*') return
    const all = exceeds('/organizations', 'The minter has a list of organizations.')
    throw new Failure('session.exceeds', { errors: [all] })
  }
  const unknown = { code: 'unknown', detail: 'No such organization.' }
  const foreign = organizations.flatMap((id, i) =>
    mayTouch(minter, id) ? [] : { pointer: `/organizations/${i}`, ...unknown },
  )
  if (foreign.length > 0) throw new Failure('organization.unknown', { errors: foreign })
}
