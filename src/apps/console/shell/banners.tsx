import { useEffect, useState } from 'react'
import { useLive } from '../data/live.ts'
import { useStatus } from '../data/use-status.tsx'
import { useCan } from '../session/rights.ts'
import { Notice } from '../states/notice.tsx'
import { useWords } from '../words/words.ts'

const useIsOnline = (): boolean => {
  const [isOnline, setOnline] = useState(navigator.onLine)
  useEffect(() => {
    const look = () => setOnline(navigator.onLine)
    addEventListener('online', look)
    addEventListener('offline', look)
    return () => {
      removeEventListener('online', look)
      removeEventListener('offline', look)
    }
  }, [])
  return isOnline
}

/** What concerns every screen: no network, Redis away, no live updates. One at a time, the gravest. */
export const Banners = () => {
  const { t } = useWords()
  const isOnline = useIsOnline()
  const live = useLive()
  const canFollow = useCan()('events:read')
  const parts = useStatus()
  const isBad = (part: string) => parts.some(({ name, tone }) => name === part && tone === 'bad')
  if (!isOnline)
    return (
      <Notice tone="bad" live title={t('banner.offline')}>
        {t('banner.offlineText')}
      </Notice>
    )
  if (isBad('redis'))
    return (
      <Notice tone="warn" live title={t('banner.redis')}>
        {t('works.redis')}
      </Notice>
    )
  if (isBad('chathub'))
    return (
      <Notice tone="warn" live title={t('banner.chathub')}>
        {t('works.chathub')}
      </Notice>
    )
  if (live === 'polling' && canFollow)
    return (
      <Notice tone="warn" live title={t('banner.polling')}>
        {t('banner.pollingText')}
      </Notice>
    )
  return null
}
