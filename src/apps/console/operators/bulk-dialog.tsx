import { Button, Checkbox, Group, Modal, Progress, Stack, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Notice } from '../states/notice.tsx'
import { Problem } from '../states/problem.tsx'
import type { Known } from './change-if-same.ts'
import type { Filters } from './filters.ts'
import { bulkMax, useBulk } from './use-bulk.ts'
import type { Selection } from './use-selection.ts'

/** Above this the number is typed, so that nobody changes hundreds by a slip. */
const typedAbove = 20

/** The active operators among the chosen ones; all that match count as active. */
const activeChosen = ({ all, rows }: Selection, count: number): number =>
  all ? count : [...rows.values()].filter(({ status }) => status === 'active').length

const BulkDialog = ({
  organization,
  filters,
  selection,
  count,
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
  const { t } = useTranslation()
  const [typed, setTyped] = useState('')
  const [isSilent, setSilent] = useState(false)
  const { run, progress } = useBulk(organization, filters, selection)
  const silences =
    to !== 'active' && active !== undefined && active > 0 && activeChosen(selection, count) >= active
  const isTooMany = count > bulkMax
  const isReady =
    !isTooMany && (count <= typedAbove || typed.trim() === String(count)) && (!silences || isSilent)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (isReady) run.mutate(to, { onSuccess: () => close(true) })
  }
  return (
    <Modal
      opened
      onClose={() => close(run.isPending)}
      title={t(`bulk.ask.${to}`, { count })}
      closeButtonProps={{ 'aria-label': t('action.close') }}
    >
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
              color={to === 'active' ? undefined : 'red.9'}
              loading={run.isPending}
              disabled={!isReady}
            >
              {t(`bulk.do.${to}`, { count })}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}

export default BulkDialog
