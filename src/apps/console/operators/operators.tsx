import { Group } from '@mantine/core'
import { lazy, Suspense, useEffect, useState } from 'react'
import { ScreenHead } from '../page/screen-head.tsx'
import { useFilters } from '../page/use-filters.ts'
import { Needs } from '../session/needs.tsx'
import { useCan } from '../session/rights.ts'
import { useOrganizations } from '../shell/use-organization.tsx'
import { Button } from '../states/button.tsx'
import { Icon } from '../states/icon.tsx'
import { Shown } from '../states/shown.tsx'
import { useWords } from '../words/words.ts'
import { BulkBar } from './bulk-bar.tsx'
import { ConfirmLast } from './confirm-last.tsx'
import { ExportList } from './export-list.tsx'
import { usual } from './filters.ts'
import { NoOperators } from './no-operators.tsx'
import { OperatorTable } from './operator-table.tsx'
import './operators.css'
import { Pager } from './pager.tsx'
import { Toolbar } from './toolbar.tsx'
import { useOperators, useStatistics } from './use-operators.ts'
import { useSelection } from './use-selection.ts'
import { useSwitch } from './use-switch.ts'

const AddDialog = lazy(() => import('./add-dialog.tsx'))
const OperatorDrawer = lazy(() => import('./operator-drawer.tsx'))

const List = ({ organization }: { organization: number }) => {
  const { t } = useWords()
  const can = useCan()
  const [filters, setFilters] = useFilters(usual)
  const [cursors, setCursors] = useState<string[]>([])
  const [isAdding, setAdding] = useState(false)
  const chosen = useSelection()
  const { clear } = chosen
  const switching = useSwitch(organization)
  const statistics = useStatistics(organization).data?.data
  const query = useOperators(organization, filters, cursors.at(-1))
  const name =
    useOrganizations().find(({ id }) => id === organization)?.name ?? query.data?.data.organization.name
  const { show, q, sort } = filters
  // Another filter has another first page.
  // biome-ignore lint/correctness/useExhaustiveDependencies: it depends on the filters alone.
  useEffect(() => {
    setCursors([])
    clear()
  }, [show, q, sort])
  return (
    <>
      <ScreenHead title={t('operators.title')} text={name}>
        <ExportList organization={organization} filters={filters} />
        {can('operators:write') && (
          <Button leftSection={<Icon name="plus" />} onClick={() => setAdding(true)}>
            {t('operators.add')}
          </Button>
        )}
      </ScreenHead>
      <Toolbar filters={filters} change={setFilters} statistics={statistics} />
      <Shown query={query}>
        {(list) => (
          <>
            <BulkBar
              organization={organization}
              filters={filters}
              chosen={chosen}
              total={list.total}
              statistics={statistics}
            />
            {list.items.length === 0 ? (
              <NoOperators
                organization={organization}
                all={statistics?.total}
                clear={() => setFilters(usual)}
                add={() => setAdding(true)}
              />
            ) : (
              <OperatorTable
                operators={list.items}
                sort={sort}
                setSort={(next) => setFilters({ sort: next })}
                open={(id) => setFilters({ open: String(id) })}
                chosen={chosen}
                switching={switching}
              />
            )}
            <Group justify="space-between" mt="sm">
              <p className={list.items.length > 0 ? 'count' : 'only-read'} role="status">
                {t('operators.count', { count: list.total, all: statistics?.total ?? list.total })}
              </p>
              <Pager
                cursors={cursors}
                next={list.nextCursor}
                // Until the list is there, this is the cursor of the one before.
                go={(next) => query.isPlaceholderData || setCursors(next)}
              />
            </Group>
          </>
        )}
      </Shown>
      <ConfirmLast switching={switching} />
      <Suspense>
        {isAdding && <AddDialog organization={organization} close={() => setAdding(false)} />}
        {filters.open !== '' && (
          <OperatorDrawer
            key={filters.open}
            organization={organization}
            id={Number(filters.open)}
            switching={switching}
            close={() => setFilters({ open: '' }, { back: true })}
          />
        )}
      </Suspense>
    </>
  )
}

const Operators = ({ organization }: { organization: number }) => (
  <Needs scope="operators:read">
    <List organization={organization} />
  </Needs>
)

export default Operators
