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

/** What a scope includes. Supervisors need only the second one. */
export const includes: Partial<Record<Scope, readonly Scope[]>> = { 'operators:write': ['operators:status'] }
