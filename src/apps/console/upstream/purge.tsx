import { Group, Select, Stack } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { gateway } from '../data/gateway.ts'
import { queryClient } from '../data/query-client.ts'
import { useOrganization, useOrganizations } from '../shell/use-organization.tsx'
import { Button } from '../states/button.tsx'
import { Dialog } from '../states/dialog.tsx'
import { Problem } from '../states/problem.tsx'
import { toast } from '../states/toast.ts'
import { useWords } from '../words/words.ts'

/** Has ChatHub asked before the list of one organization is served again. */
const PurgeDialog = ({ close }: { close: () => void }) => {
  const { t } = useWords()
  const organizations = useOrganizations()
  const here = useOrganization()
  const [chosen, setChosen] = useState<string>()
  const organization = Number(chosen ?? here)
  const name = organizations.find(({ id }) => id === organization)?.name ?? ''
  const purge = useMutation({
    mutationFn: () => gateway.gateway.purge({ organization }),
    onSuccess: () => {
      close()
      toast(t('purge.done', { name }))
      void queryClient.invalidateQueries()
    },
  })
  return (
    <Dialog onClose={close} title={t('purge.title')}>
      <Stack>
        <span>{t('purge.text')}</span>
        <Select
          label={t('column.organization')}
          searchable
          allowDeselect={false}
          value={String(organization)}
          data={organizations.map((each) => ({ value: String(each.id), label: each.name }))}
          onChange={(id) => setChosen(id ?? undefined)}
        />
        {purge.error && <Problem error={purge.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            {t('action.cancel')}
          </Button>
          <Button color="red" loading={purge.isPending} disabled={name === ''} onClick={() => purge.mutate()}>
            {t('purge.go')}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  )
}

export const Purge = () => {
  const { t } = useWords()
  const [isOpen, setOpen] = useState(false)
  return (
    <>
      <Button variant="default" onClick={() => setOpen(true)}>
        {t('purge.open')}
      </Button>
      {isOpen && <PurgeDialog close={() => setOpen(false)} />}
    </>
  )
}
