import { useSyncExternalStore } from 'react'

// Screens and filters are in the fragment: it works below any path, and no log of a server has the names that are searched.
const subscribe = (listener: () => void): (() => void) => {
  addEventListener('hashchange', listener)
  return () => removeEventListener('hashchange', listener)
}
const pathNow = (): string => location.hash.slice(1).split('?')[0] || '/'
const searchNow = (): string => location.hash.split('?')[1] ?? ''

export const navigate = (to: string, { replace = false }: { replace?: boolean } = {}): void => {
  const url = `#${to}`
  if (url === location.hash) return
  if (replace) history.replaceState(null, '', url)
  else history.pushState(null, '', url)
  dispatchEvent(new HashChangeEvent('hashchange'))
}

/** The location of wouter's Router. */
export const useHashPath = (): [string, typeof navigate] => [
  useSyncExternalStore(subscribe, pathNow),
  navigate,
]
useHashPath.hrefs = (href: string): string => `#${href}`

export const useHashSearch = (): string => useSyncExternalStore(subscribe, searchNow)
