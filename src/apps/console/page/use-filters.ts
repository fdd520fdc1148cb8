import { useMemo } from 'react'
import { navigate, useHashSearch, usePath } from './hash-location.ts'

type Filters = Record<string, string>

type Change<T> = (change: Partial<T>, how?: Parameters<typeof navigate>[1]) => void

/**
 * Filters in the address, so that a view can be sent to a colleague, and the browser goes back to the one before. What has its
 * default is left out.
 */
export const useFilters = <T extends Filters>(defaults: T): [T, Change<T>] => {
  const path = usePath()
  const search = useHashSearch()
  const filters = useMemo(() => {
    const given = new URLSearchParams(search)
    return Object.fromEntries(
      Object.entries(defaults).map(([name, usual]) => [name, given.get(name) ?? usual]),
    ) as T
  }, [search, defaults])
  const change: Change<T> = (changes, how) => {
    const next = Object.entries({ ...filters, ...changes }).filter(([name, text]) => text !== defaults[name])
    const query = new URLSearchParams(next as [string, string][]).toString()
    navigate(query === '' ? path : `${path}?${query}`, how)
  }
  return [filters, change]
}
