import { useEffect, useState } from 'react'
import { useWords } from '../words/words.ts'
import './loading.css'

/** Whether it has taken so long that a reader wonders. */
const useIsLong = (ms: number): boolean => {
  const [isLong, setLong] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setLong(true), ms)
    return () => clearTimeout(timer)
  }, [ms])
  return isLong
}

/** Rows in the place of a list, after 150 ms: a quick answer must not flicker. */
export const Loading = ({ rows = 8 }: { rows?: number }) => {
  const { t } = useWords()
  if (!useIsLong(150)) return <div className="loading" />
  return (
    <div className="loading" role="status">
      <span className="only-read">{t('state.loading')}</span>
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the rows are all alike.
        <div key={row} className="skeleton" />
      ))}
    </div>
  )
}
