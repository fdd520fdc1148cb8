import { Checkbox } from '@mantine/core'
import type { Operator } from '../../../client/client.ts'
import { useCan } from '../session/rights.ts'
import { useWords } from '../words/words.ts'
import { density } from './density.ts'
import type { sortKeys } from './filters.ts'
import { OperatorRow } from './operator-row.tsx'
import { isChosen, type useSelection } from './use-selection.ts'
import type { Switching } from './use-switch.ts'

const SortHead = ({
  by,
  sort,
  setSort,
}: {
  by: (typeof sortKeys)[number]
  sort: string
  setSort: (sort: string) => void
}) => {
  const { t } = useWords()
  const isUp = sort === by
  const isDown = sort === `-${by}`
  return (
    <th
      scope="col"
      className={`col-${by}`}
      aria-sort={isUp ? 'ascending' : isDown ? 'descending' : undefined}
    >
      <button type="button" onClick={() => setSort(isUp ? `-${by}` : by)}>
        {t(`column.${by}`)} <span aria-hidden="true">{isUp ? '↑' : isDown ? '↓' : ''}</span>
      </button>
    </th>
  )
}

export const OperatorTable = ({
  operators,
  sort,
  setSort,
  open,
  chosen: { selection, choose },
  switching,
}: {
  operators: Operator[]
  sort: string
  setSort: (sort: string) => void
  open: (id: number) => void
  chosen: ReturnType<typeof useSelection>
  switching: Switching
}) => {
  const { t } = useWords()
  const canSwitch = useCan()('operators:status')
  const count = operators.filter(({ id }) => isChosen(selection, id)).length
  return (
    <table className="operators" data-density={density.use()}>
      <thead>
        <tr>
          {canSwitch && (
            <th className="col-choose">
              <Checkbox
                aria-label={t('operators.choosePage')}
                checked={count === operators.length}
                indeterminate={count > 0 && count < operators.length}
                onChange={({ currentTarget }) => choose(operators, currentTarget.checked)}
              />
            </th>
          )}
          <SortHead by="name" sort={sort} setSort={setSort} />
          <SortHead by="status" sort={sort} setSort={setSort} />
          {canSwitch && (
            <th scope="col" className="col-switch">
              {t('column.switch')}
            </th>
          )}
          <th scope="col" className="col-since">
            {t('column.since')}
          </th>
          <SortHead by="id" sort={sort} setSort={setSort} />
        </tr>
      </thead>
      <tbody>
        {operators.map((operator) => (
          <OperatorRow
            key={operator.id}
            operator={operator}
            isChosen={isChosen(selection, operator.id)}
            choose={canSwitch ? (is) => choose([operator], is) : undefined}
            open={() => open(operator.id)}
            pending={switching.pending.get(operator.id)}
            change={(to) => switching.change({ operator, to })}
          />
        ))}
      </tbody>
    </table>
  )
}
