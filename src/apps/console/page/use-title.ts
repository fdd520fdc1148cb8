import { useEffect } from 'react'

/** Names the tab of the browser after what it shows. */
export const useTitle = (title: string): void => {
  useEffect(() => {
    document.title = `${title} · ChatHub`
  }, [title])
}
