import { useState } from 'react'
import { useNow } from '../data/use-now.ts'
import { useWords } from '../words/words.ts'

/** How long until the gateway is asked again. */
export const Countdown = ({ seconds }: { seconds: number }) => {
  const { t } = useWords()
  const [until] = useState(() => Date.now() + seconds * 1000)
  const left = Math.max(0, Math.ceil((until - useNow()) / 1000))
  return <span>{t('problem.countdown', { count: left })}</span>
}
