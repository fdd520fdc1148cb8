import { Group } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import type { Operation, OperationRow } from '../../../client/client.ts'
import { download } from '../data/download.ts'
import { gateway } from '../data/gateway.ts'
import { queryClient } from '../data/query-client.ts'
import { useRead } from '../data/use-read.ts'
import { navigate } from '../page/hash-location.ts'
import { Button } from '../states/button.tsx'
import { Notice } from '../states/notice.tsx'
import { OutcomeWord } from '../states/outcome-word.tsx'
import { Problem } from '../states/problem.tsx'
import { RowsBox } from '../states/rows-box.tsx'
import { Shown } from '../states/shown.tsx'
import { useFormat } from '../words/use-format.ts'
import { useWords } from '../words/words.ts'
import { Reason } from './reason.tsx'

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
/** Rows that somebody should look at. */
const doubtful: OperationRow['outcome'][] = ['rejected', 'unknown', 'existsDeleted', 'pending']
const shownMax = 500

const Doubtful = ({ id }: { id: string }) => {
  const { t } = useWords()
  const query = useRead(['rows', id], (signal) =>
    gateway.operations.rows(id, { outcome: doubtful }, { signal }),
  )
  return (
    <Shown query={query} rows={3}>
      {({ items }) => (
        <RowsBox label={t('import.look')}>
          <table className="plain stacks">
            <thead>
              <tr>
                <th scope="col">{t('column.line')}</th>
                <th scope="col">{t('column.name')}</th>
                <th scope="col">{t('column.outcome')}</th>
              </tr>
            </thead>
            <tbody>
              {items.slice(0, shownMax).map((row) => (
                <tr key={row.index}>
                  <td data-label={t('column.line')}>{row.line ?? row.index + 1}</td>
                  <th scope="row">
                    <bdi>{row.name ?? row.id}</bdi>
                  </th>
                  <td className="verdict">
                    <OutcomeWord outcome={row.outcome} /> <Reason reason={row.reason} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </RowsBox>
      )}
    </Shown>
  )
}

/** What became of an operation that has ended. */
export const Report = ({ operation }: { operation: Operation }) => {
  const { t } = useWords()
  const format = useFormat()
  const { id, state, organization, kind } = operation
  const look = doubtful.reduce((sum, outcome) => sum + operation[outcome], 0)
  const follow = (next: Operation) => {
    void queryClient.invalidateQueries({ queryKey: ['activity'] })
    queryClient.setQueryData(['operation', next.id], next)
    if (next.id !== id) navigate(`/${organization}/import/${next.id}`)
  }
  const retry = useMutation({ mutationFn: () => gateway.operations.retry(id), onSuccess: follow })
  const undo = useMutation({ mutationFn: () => gateway.operations.undo(id), onSuccess: follow })
  const save = useMutation({ mutationFn: () => download(`/v1/operations/${id}/rows`) })
  const error = retry.error ?? undo.error ?? save.error
  return (
    <section>
      <Notice
        tone={look > 0 ? 'warn' : 'good'}
        live
        title={t(`report.${state}`, { kind: t(`kind.${kind}`) })}
      >
        {operation.detail}
      </Notice>
      <dl className="counts">
        {outcomes
          .filter((outcome) => operation[outcome] > 0)
          .map((outcome) => (
            <div key={outcome}>
              <dt>
                <OutcomeWord outcome={outcome} />
              </dt>
              <dd>{format.number(operation[outcome])}</dd>
            </div>
          ))}
      </dl>
      {look > 0 && (
        <>
          <h2>{t('import.look')}</h2>
          <Doubtful id={id} />
        </>
      )}
      {error && <Problem error={error} />}
      <Group mt="md">
        <Button variant="default" loading={save.isPending} onClick={() => save.mutate()}>
          {t('report.save')}
        </Button>
        {operation.unknown > 0 && (
          <Button loading={retry.isPending} onClick={() => retry.mutate()}>
            {t('report.retry', { count: operation.unknown })}
          </Button>
        )}
        {operation.created + operation.reactivated + operation.changed > 0 && (
          <Button variant="default" loading={undo.isPending} onClick={() => undo.mutate()}>
            {t('report.undo')}
          </Button>
        )}
      </Group>
    </section>
  )
}
