import { Progress as Bar, Group } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import type { Operation } from '../../../client/client.ts'
import { gateway } from '../data/gateway.ts'
import { queryClient } from '../data/query-client.ts'
import { useNow } from '../data/use-now.ts'
import { useStatus } from '../data/use-status.tsx'
import { ScreenHead } from '../page/screen-head.tsx'
import { Button } from '../states/button.tsx'
import { Loading } from '../states/loading.tsx'
import { Problem } from '../states/problem.tsx'
import { useFormat } from '../words/use-format.ts'
import { useWords } from '../words/words.ts'
import { Report } from './report.tsx'
import { isRunning, useOperation, useSpeed } from './use-operation.ts'

/** For what an operation waits. */
const Waiting = () => {
  const { t } = useWords()
  const parts = useStatus()
  const stateOf = (part: string) => parts.find(({ name }) => name === part)
  const [chathub, budget] = [stateOf('chathub'), stateOf('budget')]
  if (chathub?.tone === 'bad') return <span>{t('import.waiting.chathub')}</span>
  if (budget === undefined || budget.state === 'ok') return <span>{t('import.waiting.answer')}</span>
  return <span>{t('import.waiting.budget', { why: t(`health.budget.${budget.state}`) })}</span>
}

const Running = ({ operation }: { operation: Operation }) => {
  const { t } = useWords()
  const format = useFormat()
  const now = useNow(500)
  const { rate, secondsLeft, isWaiting } = useSpeed(operation, now)
  const cancel = useMutation({
    mutationFn: () => gateway.operations.cancel(operation.id),
    onSuccess: (state) => queryClient.setQueryData(['operation', operation.id], state),
  })
  const done = operation.total - operation.pending
  return (
    <section className="running">
      <h2>{t(`operation.${operation.state}`)}</h2>
      <Bar
        size="lg"
        aria-label={t('import.title')}
        value={(done / operation.total) * 100}
        animated={!isWaiting}
      />
      <p className="running-facts">
        <strong>
          {t('import.done', { done: format.number(done), total: format.number(operation.total) })}
        </strong>
        {rate > 0 && !isWaiting && <span>{t('import.rate', { rate: format.number(rate) })}</span>}
        {secondsLeft !== undefined && !isWaiting && (
          <span>{t('import.left', { time: format.span(secondsLeft) })}</span>
        )}
        {isWaiting && <Waiting />}
      </p>
      {/* Told in steps of a tenth, so that a screen reader is not flooded. */}
      <p role="status" className="only-read">
        {t('import.percent', { percent: format.percent(Math.floor((done / operation.total) * 10) / 10) })}
      </p>
      {cancel.error && <Problem error={cancel.error} />}
      <Group>
        <Button variant="default" loading={cancel.isPending} onClick={() => cancel.mutate()}>
          {t('import.cancel')}
        </Button>
        <span className="quiet">{t('import.leave')}</span>
      </Group>
    </section>
  )
}

/** An operation from its start to its report. `name`: of the organization. */
export const Progress = ({
  organization,
  name,
  id,
}: {
  organization: number
  name: string | undefined
  id: string
}) => {
  const { t } = useWords()
  const { data, error, refetch } = useOperation(id)
  const isImport = !data || data.kind === 'import'
  return (
    <>
      <ScreenHead title={t(isImport ? 'import.title' : `kind.${data.kind}`)} text={name} />
      {!data && (error ? <Problem error={error} retry={() => void refetch()} /> : <Loading rows={3} />)}
      {data && (isRunning(data) ? <Running operation={data} /> : <Report operation={data} />)}
      <p>
        {isImport ? (
          <a href={`#/${organization}/import`}>{t('import.another')}</a>
        ) : (
          <a href="#/activity">{t('nav.activity')}</a>
        )}
      </p>
    </>
  )
}
