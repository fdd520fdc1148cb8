import type { Operation } from '../../../client/client.ts'
import { Reason } from '../import/reason.tsx'
import { useOrganizations } from '../shell/use-organization.tsx'
import { Button } from '../states/button.tsx'
import { OutcomeWord } from '../states/outcome-word.tsx'
import { StateWord } from '../states/state-word.tsx'
import { useFormat } from '../words/use-format.ts'
import { useWords } from '../words/words.ts'
import type { Line } from './lines-of.ts'
import { useUndo } from './use-undo.ts'

const outcomes = [
  'created',
  'reactivated',
  'changed',
  'exists',
  'existsDeleted',
  'unchanged',
  'rejected',
  'unknown',
  'pending',
] as const
const tones = {
  queued: 'quiet',
  running: 'quiet',
  done: 'good',
  cancelled: 'quiet',
  needsReview: 'warn',
} as const

const OperationWords = ({ operation }: { operation: Operation }) => {
  const { t } = useWords()
  const format = useFormat()
  return (
    <>
      <a href={`#/${operation.organization}/import/${operation.id}`}>
        {t(`kind.${operation.kind}`)} ·{' '}
        {t(operation.kind === 'import' ? 'import.rows' : 'activity.operators', { count: operation.total })}
      </a>{' '}
      <StateWord tone={tones[operation.state]}>{t(`operation.${operation.state}`)}</StateWord>
      <span className="activity-counts">
        {outcomes
          .filter((outcome) => operation[outcome] > 0)
          .map((outcome) => (
            <span key={outcome}>
              <OutcomeWord outcome={outcome} /> {format.number(operation[outcome])}
            </span>
          ))}
      </span>
    </>
  )
}

const RecordWords = ({ line }: { line: Line & { record: NonNullable<Line['record']> } }) => {
  const { t } = useWords()
  const { kind, operator, from, to, outcome, reason } = line.record
  const name = operator?.name ?? (operator?.id ? `#${operator.id}` : '')
  const count = 'count' in line ? line.count : 1
  return (
    <>
      <span>
        {count > 1
          ? t(`record.many.${kind}`, { count, defaultValue: t(`record.${kind}`, { name }) })
          : t(`record.${kind}`, {
              name,
              from: from ? t(`status.${from}`) : '',
              to: to ? t(`status.${to}`) : '',
              reason,
            })}
      </span>{' '}
      {count > 1 && !['added', 'statusChanged'].includes(kind) && <span className="quiet">× {count}</span>}{' '}
      {outcome !== 'applied' && (
        <StateWord tone={outcome === 'rejected' ? 'bad' : 'warn'}>
          {t(`outcome.${outcome}`)} <Reason reason={reason} />
        </StateWord>
      )}
    </>
  )
}

export const ActivityLine = ({ line, isUndone }: { line: Line; isUndone: boolean }) => {
  const { t } = useWords()
  const format = useFormat()
  const name = useOrganizations().find(({ id }) => id === line.organization)?.name
  const { canUndo, undo } = useUndo(line, isUndone)
  return (
    <li>
      <time dateTime={line.at} title={format.full(line.at)}>
        {format.time(line.at)}
      </time>
      <div>
        <div>{line.record ? <RecordWords line={line} /> : <OperationWords operation={line.operation} />}</div>
        <small className="quiet">
          {line.who}
          {name && ` · ${name}`}
          {line.record?.requestId && <span className="activity-request"> · {line.record.requestId}</span>}
        </small>
      </div>
      {canUndo && (
        <Button size="compact-sm" variant="default" loading={undo.isPending} onClick={() => undo.mutate()}>
          {t('action.undo')}
        </Button>
      )}
      {isUndone && <StateWord tone="quiet">{t('activity.undone')}</StateWord>}
    </li>
  )
}
