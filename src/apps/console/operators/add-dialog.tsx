import { Checkbox, Group, Stack, Text, Textarea } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { type AddedOperator, isOperation, type OnboardedOperator } from '../../../client/client.ts'
import { gateway } from '../data/gateway.ts'
import { useCan } from '../session/rights.ts'
import { Button } from '../states/button.tsx'
import { Dialog } from '../states/dialog.tsx'
import { Problem } from '../states/problem.tsx'
import { useWords } from '../words/words.ts'
import { AddedList } from './added-list.tsx'
import { useShowChange } from './use-operators.ts'

const addMax = 1000
/** Each token costs a call to ChatHub. */
const tokensMax = 100

/** Who was added, also when the gateway needed longer than one answer. */
export type Added = AddedOperator | OnboardedOperator

const add = async (
  organization: number,
  names: string[],
  withTokens: boolean,
  reactivate: boolean,
): Promise<Added[]> => {
  const operators = names.map((name) => ({ name }))
  const answer = withTokens
    ? await gateway.operators.onboard(organization, { operators })
    : await gateway.operators.add(organization, {
        operators,
        onDeleted: reactivate ? 'reactivate' : 'report',
      })
  if (!isOperation(answer)) return answer.results
  const ended = await gateway.operations.wait(answer)
  const rows = await gateway.operations.rows(ended.id)
  return rows.items.map(({ name = '', ...row }) => ({ ...row, name }) as Added)
}

/** Adds one operator or a pasted list of names. */
const AddDialog = ({ organization, close }: { organization: number; close: () => void }) => {
  const { t } = useWords()
  const can = useCan()
  const show = useShowChange(organization)
  const [text, setText] = useState('')
  const [withTokens, setWithTokens] = useState(false)
  const names = text.split(/\r?\n/).flatMap((line) => line.trim() || [])
  const most = withTokens ? tokensMax : addMax
  const run = useMutation({
    mutationFn: ({ list, reactivate = false }: { list: string[]; reactivate?: boolean }) =>
      add(organization, list, withTokens, reactivate),
    onSettled: () => show(),
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (names.length > 0 && names.length <= most) run.mutate({ list: names })
  }
  return (
    <Dialog
      size="lg"
      onClose={close}
      // Tokens are shown once, so a slip must not lose them.
      closeOnClickOutside={!run.data}
      title={t('add.title')}
    >
      {run.data ? (
        <AddedList
          added={run.data}
          reactivate={(list) => run.mutate({ list, reactivate: true })}
          isBusy={run.isPending}
          close={close}
        />
      ) : (
        <form onSubmit={submit}>
          <Stack>
            <Textarea
              data-autofocus
              rows={6}
              resize="vertical"
              label={t('add.names')}
              description={t('add.help')}
              value={text}
              onChange={({ currentTarget }) => setText(currentTarget.value)}
              error={names.length > most ? t('add.tooMany', { count: most }) : undefined}
            />
            {can('tokens:mint') && (
              <Checkbox
                label={t('add.tokens')}
                description={t('add.tokensHelp')}
                checked={withTokens}
                onChange={({ currentTarget }) => setWithTokens(currentTarget.checked)}
              />
            )}
            {run.error && <Problem error={run.error} />}
            <Group justify="flex-end">
              <Text size="sm" c="dimmed" role="status">
                {t('add.count', { count: names.length })}
              </Text>
              <Button variant="default" onClick={close}>
                {t('action.cancel')}
              </Button>
              <Button
                type="submit"
                loading={run.isPending}
                disabled={names.length === 0 || names.length > most}
              >
                {t('add.go')}
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Dialog>
  )
}

export default AddDialog
