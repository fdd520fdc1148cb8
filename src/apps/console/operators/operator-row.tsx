import { Checkbox, Switch } from '@mantine/core'
import type { Operator } from '../../../client/client.ts'
import { changedAt } from '../data/apply-event.ts'
import { StateWord } from '../states/state-word.tsx'
import { useWords } from '../words/words.ts'
import type { Known } from './change-if-same.ts'
import { Since } from './since.tsx'

const flashMs = 2500

export const OperatorRow = ({
  operator,
  isChosen,
  choose,
  open,
  pending,
  change,
}: {
  operator: Operator
  isChosen: boolean
  /** Undefined: this session may not switch operators. */
  choose: ((isChosen: boolean) => void) | undefined
  open: () => void
  /** The status that is being set. Until then no event and no list changes what the row shows. */
  pending: Known | undefined
  change: (to: Known) => void
}) => {
  const { t } = useWords()
  const { id, name } = operator
  const status = pending ?? operator.status
  const flashedAt = changedAt.use().get(id) ?? 0
  const isSwitch = status === 'active' || status === 'inactive'
  return (
    <tr
      data-chosen={isChosen || undefined}
      data-flash={Date.now() - flashedAt < flashMs ? flashedAt : undefined}
      data-status={status}
    >
      {choose && (
        <td className="col-choose">
          <Checkbox
            aria-label={t('operators.choose', { name })}
            checked={isChosen}
            onChange={({ currentTarget }) => choose(currentTarget.checked)}
          />
        </td>
      )}
      <th scope="row" className="col-name">
        <button type="button" dir="auto" onClick={open}>
          {name}
        </button>
      </th>
      <td className="col-status">
        <StateWord tone={status}>
          {t(`status.${status}`)}
          {operator.statusCode !== undefined && ` (${operator.statusCode})`}
        </StateWord>
      </td>
      {choose && (
        <td className="col-switch">
          {isSwitch && (
            <Switch
              aria-label={t('operators.switch', { name })}
              checked={status === 'active'}
              // A disabled control would lose the focus.
              aria-busy={pending !== undefined}
              onChange={() => pending === undefined && change(status === 'active' ? 'inactive' : 'active')}
            />
          )}
        </td>
      )}
      <td className="col-since">
        <Since operator={operator} />
      </td>
      <td className="col-id">{id}</td>
    </tr>
  )
}
