import type { Statistics } from '../../../client/client.ts'
import { SearchField } from '../page/search-field.tsx'
import { Icon } from '../states/icon.tsx'
import { useFormat } from '../words/use-format.ts'
import { useWords } from '../words/words.ts'
import { density } from './density.ts'
import { type Filters, tabNames, tabs } from './filters.ts'

/** Which operators are shown, and how densely. */
export const Toolbar = ({
  filters,
  change,
  statistics,
}: {
  filters: Filters
  change: (changes: Partial<Filters>, how?: { replace: boolean }) => void
  statistics: Statistics | undefined
}) => {
  const { t } = useWords()
  const format = useFormat()
  const rows = density.use()
  const countOf = (tab: (typeof tabNames)[number]): number | undefined =>
    statistics && tabs[tab].reduce((sum, status) => sum + statistics[status], 0)
  return (
    <div className="toolbar">
      <fieldset className="tabs" aria-label={t('operators.tabs')}>
        {tabNames.map((tab) => {
          const count = countOf(tab)
          return (
            <button
              key={tab}
              type="button"
              aria-pressed={filters.show === tab}
              onClick={() => change({ show: tab })}
            >
              {t(`tab.${tab}`)} {count !== undefined && <span>{format.number(count)}</span>}
            </button>
          )
        })}
      </fieldset>
      <SearchField
        label={t('operators.search')}
        text={filters.q}
        change={(q) => change({ q }, { replace: true })}
      />
      <button
        type="button"
        className="icon-button density"
        aria-label={t('operators.dense')}
        aria-pressed={rows === 'dense'}
        title={t('operators.dense')}
        onClick={() => density.set(rows === 'dense' ? 'airy' : 'dense')}
      >
        <Icon name="rows" />
      </button>
    </div>
  )
}
