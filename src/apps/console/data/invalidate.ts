import type { QueryClient, QueryFilters } from '@tanstack/react-query'

/**
 * Reads again what is shown of these, because it changed. A first read in flight goes on, or a slow one would never end. It
 * may have begun before the change, so another one follows.
 */
export const invalidate = async (client: QueryClient, filters: QueryFilters): Promise<void> => {
  const inFlight = client.getQueryCache().findAll({ ...filters, type: 'active', fetchStatus: 'fetching' })
  const first = inFlight.filter(({ state }) => state.data === undefined)
  await client.invalidateQueries(filters)
  const answered = first.filter(({ state }) => state.data !== undefined)
  await Promise.all(answered.map(({ queryKey }) => client.invalidateQueries({ queryKey, exact: true })))
}
