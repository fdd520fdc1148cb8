import { lazy, Suspense, useRef, useState } from 'react'
import type { Statistics } from '../../../client/client.ts'
import { useCan } from '../session/rights.ts'
import { Button } from '../states/button.tsx'
import { CloseButton } from '../states/close-button.tsx'
import { useWords } from '../words/words.ts'
import type { Known } from './change-if-same.ts'
import type { Filters } from './filters.ts'
import type { useSelection } from './use-selection.ts'

const BulkDialog = lazy(() => import('./bulk-dialog.tsx'))

/** What can be done with the chosen rows, or with all that match. */
export const BulkBar = ({
  organization,
  filters,
  chosen: { selection, clear, chooseAll },
  total,
  statistics,
}: {
  organization: number
  filters: Filters
  chosen: ReturnType<typeof useSelection>
  total: number
  statistics: Statistics | undefined
}) => {
  const { t } = useWords()
  const can = useCan()
  const bar = useRef<HTMLElement>(null)
  const [to, setTo] = useState<Known>()
  const count = selection.all ? total - selection.rows.size : selection.rows.size
  if (count === 0) return null
  const takeAll = () => {
    chooseAll()
    // The button goes away.
    bar.current?.focus()
  }
  const statuses: Known[] = ['active', 'inactive', ...(can('operators:write') ? (['deleted'] as const) : [])]
  return (
    <section ref={bar} tabIndex={-1} className="bulk" aria-label={t('bulk.title')}>
      <strong role="status">{t('bulk.chosen', { count })}</strong>
      {!selection.all && total > count && (
        <Button variant="transparent" size="compact-sm" onClick={takeAll}>
          {t('bulk.all', { count: total })}
        </Button>
      )}
      <span className="grow" />
      {statuses.map((status) => (
        <Button key={status} size="compact-sm" variant="default" onClick={() => setTo(status)}>
          {t(`bulk.to.${status}`)}
        </Button>
      ))}
      <CloseButton label={t('bulk.clear')} onClick={clear} />
      {to && (
        <Suspense>
          <BulkDialog
            organization={organization}
            filters={filters}
            selection={selection}
            count={count}
            to={to}
            active={statistics?.active}
            close={(isDone) => {
              setTo(undefined)
              if (isDone) clear()
            }}
          />
        </Suspense>
      )}
    </section>
  )
}
