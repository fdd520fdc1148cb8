/** Short names of the seven calls of ChatHub; `other` is any unknown path or method. */
export const routeNames = [
  'list',
  'organizations',
  'synchronize',
  'status',
  'operator-token',
  'validate',
  'login',
  'other',
] as const

export type RouteName = (typeof routeNames)[number]

const routes: Record<string, RouteName> = {
  'POST /api/company/get-token': 'login',
  'GET /api/company/organization': 'organizations',
  'GET /api/operator': 'list',
  'POST /api/operator/synchronize': 'synchronize',
  'POST /api/operator/status': 'status',
  'POST /api/operator/get-token': 'operator-token',
  'POST /api/operator/validate-token': 'validate',
}

export function routeOf(method: string, path: string): RouteName {
  return routes[`${method} ${path}`] ?? 'other'
}

/** Whether the call changes data. */
export function isWrite(route: RouteName): boolean {
  return route === 'synchronize' || route === 'status' || route === 'operator-token' || route === 'login'
}
