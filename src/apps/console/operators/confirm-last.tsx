import { Group, Text } from '@mantine/core'
import { Button } from '../states/button.tsx'
import { Dialog } from '../states/dialog.tsx'
import { useWords } from '../words/words.ts'
import type { Switching } from './use-switch.ts'

/** The second question before the last active operator is silenced. */
export const ConfirmLast = ({ switching: { asking, answer } }: { switching: Switching }) => {
  const { t } = useWords()
  if (!asking) return null
  return (
    <Dialog onClose={() => answer(false)} title={t('last.title', { name: asking.operator.name })}>
      <Text>{t('last.text')}</Text>
      <Group justify="flex-end" mt="lg">
        <Button variant="default" data-autofocus onClick={() => answer(false)}>
          {t('last.keep')}
        </Button>
        <Button color="red" onClick={() => answer(true)}>
          {t(asking.to === 'deleted' ? 'last.delete' : 'last.go')}
        </Button>
      </Group>
    </Dialog>
  )
}
