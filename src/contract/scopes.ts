/** The rights of a credential. None implies another. `events:read` has no endpoint yet: it is reserved for events. */
export const scopes = [
  'organizations:read',
  'operators:read',
  'operators:write',
  'operators:import',
  'assignments:write',
  'tokens:mint',
  'events:read',
  'sessions:mint',
  'cache:purge',
  'metrics:read',
  'admin',
] as const
export type Scope = (typeof scopes)[number]
