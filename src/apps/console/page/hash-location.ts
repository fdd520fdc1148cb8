import { useSyncExternalStore } from 'react'

// Screens and filters are in the fragment: it works below any path, and no log of a server has the names that are searched.
const subscribe = (listener: () => void): (() => void) => {
  addEventListener('hashchange', listener)
  return () => removeEventListener('hashchange', listener)
}
/** Without a slash at its end, which changes nothing. */
const pathNow = (): string => location.hash.slice(1).split('?')[0]?.replace(/\/+$/, '') || '/'
const searchNow = (): string => location.hash.split('?')[1] ?? ''

/** `back`: what was opened over a page is closed, so its entry of the history goes if that page is the one before. */
export const navigate = (
  to: string,
  { replace = false, back = false }: { replace?: boolean; back?: boolean } = {},
): void => {
  const url = `#${to}`
  if (url === location.hash) return
  if (back && history.state?.before === url) {
    history.back()
    return
  }
  if (replace || back) history.replaceState(history.state, '', url)
  else history.pushState({ before: location.hash }, '', url)
  dispatchEvent(new HashChangeEvent('hashchange'))
}

export const usePath = (): string => useSyncExternalStore(subscribe, pathNow)

export const useHashSearch = (): string => useSyncExternalStore(subscribe, searchNow)
