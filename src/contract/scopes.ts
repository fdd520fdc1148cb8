/** The rights of a credential. A scope includes another one only where `includes` says so. */
export const scopes = [
  'organizations:read',
  'operators:read',
  'operators:write',
  'operators:status',
  'operators:import',
  'assignments:write',
  'tokens:mint',
  'events:read',
  'audit:read',
  'webhooks:manage',
  'sessions:mint',
  'cache:purge',
  'metrics:read',
  'admin',
] as const
export type Scope = (typeof scopes)[number]

/** Scopes that no endpoint needs yet. Credentials may have them already. */
export const reservedScopes: readonly Scope[] = ['events:read', 'webhooks:manage']

/** What a scope includes. Supervisors need only the second one. */
export const includes: Partial<Record<Scope, readonly Scope[]>> = { 'operators:write': ['operators:status'] }
