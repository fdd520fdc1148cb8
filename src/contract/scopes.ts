/** What a credential may do. None implies another. */
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
