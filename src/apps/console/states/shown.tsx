import type { UseQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import type { Read } from '../data/read.ts'
import { useFormat } from '../words/use-format.ts'
import { useWords } from '../words/words.ts'
import { Loading } from './loading.tsx'
import { Notice } from './notice.tsx'
import { Problem } from './problem.tsx'

/**
 * The content of a read in all its states. Old content stays when a newer one cannot be had, with the reason and its time
 * above it.
 */
export const Shown = <T,>({
  query,
  rows,
  children,
}: {
  query: UseQueryResult<Read<T>>
  /** Of the skeleton. */
  rows?: number
  children: (data: T) => ReactNode
}) => {
  const { t } = useWords()
  const format = useFormat()
  const { data, error, refetch } = query
  const retry = () => void refetch()
  if (!data) return error ? <Problem error={error} retry={retry} /> : <Loading rows={rows} />
  return (
    <>
      {error && <Problem error={error} retry={retry} />}
      {!error && data.isStale && (
        <Notice tone="warn" live title={t('state.stale', { time: format.time(data.asOf) })}>
          {t('works.chathub')}
        </Notice>
      )}
      {children(data.data)}
    </>
  )
}
