import { Checkbox, Group, Progress, Stack, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { gateway } from '../data/gateway.ts'
import { useRead } from '../data/use-read.ts'
import { Button } from '../states/button.tsx'
import { Dialog } from '../states/dialog.tsx'
import { Notice } from '../states/notice.tsx'
import { Problem } from '../states/problem.tsx'
import { useWords } from '../words/words.ts'
import type { Known } from './change-if-same.ts'
import { type Filters, queryOf } from './filters.ts'
import { bulkMax, useBulk } from './use-bulk.ts'
import type { Selection } from './use-selection.ts'

/** Above this the number is typed, so that nobody changes hundreds by a slip. */
const typedAbove = 20

/** How many of the chosen operators are active. Undefined: not known yet. */
const useActiveChosen = (
  organization: number,
  filters: Filters,
  { all, rows }: Selection,
): number | undefined => {
  const query = queryOf(filters)
  const mayBeActive = query.status.includes('active')
  const { data } = useRead(
    ['operators', organization, 'active', filters.q],
    (signal) => gateway.operators.list(organization, { ...query, status: ['active'], limit: 1 }, { signal }),
    { enabled: all && mayBeActive },
  )
  const inRows = [...rows.values()].filter(({ status }) => status === 'active').length
  if (!all) return inRows
  return mayBeActive ? data && data.data.total - inRows : 0
}

const BulkDialog = ({
  organization,
  filters,
  selection,
  count: now,
  to,
  active,
  close,
}: {
  organization: number
  filters: Filters
  selection: Selection
  count: number
  to: Known
  active: number | undefined
  close: (isDone: boolean) => void
}) => {
  const { t } = useWords()
  // What matches becomes less while it runs.
  const [count] = useState(now)
  const [typed, setTyped] = useState('')
  const [isSilent, setSilent] = useState(false)
  const { run, progress } = useBulk(organization, filters, selection)
  const activeChosen = useActiveChosen(organization, filters, selection)
  const silences = to !== 'active' && active !== undefined && active > 0 && (activeChosen ?? count) >= active
  const isTooMany = count > bulkMax
  const isReady =
    !isTooMany &&
    (count <= typedAbove || typed.replaceAll(/\D/g, '') === String(count)) &&
    (!silences || isSilent)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (isReady) run.mutate(to, { onSuccess: () => close(true) })
  }
  return (
    <Dialog onClose={() => close(run.isPending)} title={t(`bulk.ask.${to}`, { count })}>
      <form onSubmit={submit}>
        <Stack>
          <span>{t('bulk.one')}</span>
          {isTooMany && <Notice tone="warn" title={t('bulk.tooMany', { count: bulkMax })} />}
          {silences && (
            <Notice tone="bad" title={t('bulk.silences')}>
              <Checkbox
                mt={6}
                label={t('bulk.silencesYes')}
                checked={isSilent}
                onChange={({ currentTarget }) => setSilent(currentTarget.checked)}
              />
            </Notice>
          )}
          {count > typedAbove && (
            <TextInput
              data-autofocus
              inputMode="numeric"
              autoComplete="off"
              label={t('bulk.type', { count })}
              value={typed}
              onChange={({ currentTarget }) => setTyped(currentTarget.value)}
            />
          )}
          {run.error && <Problem error={run.error} />}
          {progress && run.isPending && (
            <>
              <Progress
                aria-label={t('bulk.title')}
                value={((progress.total - progress.pending) / progress.total) * 100}
              />
              <span role="status">
                {t('bulk.progress', { done: progress.total - progress.pending, total: progress.total })}
              </span>
            </>
          )}
          <Group justify="flex-end">
            <Button
              variant="default"
              data-autofocus={count <= typedAbove || undefined}
              onClick={() => close(run.isPending)}
            >
              {run.isPending ? t('bulk.background') : t('action.cancel')}
            </Button>
            <Button
              type="submit"
              color={to === 'active' ? undefined : 'red'}
              loading={run.isPending}
              disabled={!isReady}
            >
              {t(`bulk.do.${to}`, { count })}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  )
}

export default BulkDialog
