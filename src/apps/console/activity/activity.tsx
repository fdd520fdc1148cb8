import { Select } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { download } from '../data/download.ts'
import { ScreenHead } from '../page/screen-head.tsx'
import { SearchField } from '../page/search-field.tsx'
import { useFilters } from '../page/use-filters.ts'
import { useCan } from '../session/rights.ts'
import { useOrganizations } from '../shell/use-organization.tsx'
import { Button } from '../states/button.tsx'
import { Empty } from '../states/empty.tsx'
import { Icon } from '../states/icon.tsx'
import { Notice } from '../states/notice.tsx'
import { Shown } from '../states/shown.tsx'
import { toast } from '../states/toast.ts'
import { useProblemText } from '../states/use-problem-text.ts'
import { useWords } from '../words/words.ts'
import './activity.css'
import { ActivityLine } from './activity-line.tsx'
import { useActivity, usualFilters } from './use-activity.ts'

const pageSize = 100
const limitMax = 1000
const kinds = ['all', 'imports', 'statuses', 'other'] as const

/** Who did what, from what to what, when. */
const Activity = () => {
  const { t } = useWords()
  const problemText = useProblemText()
  const canAudit = useCan()('audit:read')
  const organizations = useOrganizations()
  const [filters, setFilters] = useFilters(usualFilters)
  const [limit, setLimit] = useState(pageSize)
  const { query, lines, undone, isComplete, people } = useActivity(filters, limit)
  const isFiltered = Object.values(filters).join() !== Object.values(usualFilters).join()
  const save = useMutation({
    mutationFn: () => {
      const { organization, who } = filters
      const more = new URLSearchParams({
        limit: String(limitMax),
        ...(organization && { organizations: organization }),
        ...(people.includes(who) && { subject: who }),
      })
      return download(`/v1/audit?${more}`)
    },
    onError: (error) => toast(problemText(error), { isBad: true }),
  })
  return (
    <>
      <ScreenHead title={t('nav.activity')} text={t('activity.text')}>
        {canAudit && (
          <Button
            variant="default"
            leftSection={<Icon name="download" size={16} />}
            loading={save.isPending}
            onClick={() => save.mutate()}
          >
            {t('operators.export')}
          </Button>
        )}
      </ScreenHead>
      {!canAudit && (
        <Notice tone="quiet" title={t('activity.own')}>
          {t('forbidden.text')} <code>audit:read</code>
        </Notice>
      )}
      <div className="toolbar">
        <fieldset className="tabs" aria-label={t('activity.kinds')}>
          {kinds.map((kind) => (
            <button
              key={kind}
              type="button"
              aria-pressed={filters.show === kind}
              onClick={() => setFilters({ show: kind })}
            >
              {t(`activity.show.${kind}`)}
            </button>
          ))}
        </fieldset>
        <Select
          aria-label={t('shell.organization')}
          value={filters.organization}
          data={[
            { value: '', label: t('activity.everywhere') },
            ...organizations.map(({ id, name }) => ({ value: String(id), label: name })),
          ]}
          allowDeselect={false}
          onChange={(organization) => setFilters({ organization: organization ?? '' })}
        />
        <SearchField
          label={t('activity.who')}
          text={filters.who}
          change={(who) => setFilters({ who }, { replace: true })}
          known={people}
        />
      </div>
      <Shown query={query}>
        {() =>
          lines.length === 0 ? (
            <Empty
              icon="clock"
              title={t(isFiltered ? 'activity.none' : 'activity.nothing')}
              action={
                isFiltered && (
                  <Button variant="default" onClick={() => setFilters(usualFilters)}>
                    {t('operators.clear')}
                  </Button>
                )
              }
            />
          ) : (
            <>
              <ol className="activity">
                {lines.map((line) => (
                  <ActivityLine key={line.key} line={line} isUndone={undone.has(line.key)} />
                ))}
              </ol>
              {!isComplete && limit < limitMax && (
                <Button
                  className="apart"
                  variant="default"
                  onClick={() => setLimit(Math.min(limitMax, limit * 3))}
                >
                  {t('activity.older')}
                </Button>
              )}
            </>
          )
        }
      </Shown>
    </>
  )
}

export default Activity
