import { Button, Group, Modal, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { Switching } from './use-switch.ts'

/** The second question before the last active operator is silenced. */
export const ConfirmLast = ({ switching: { asking, answer } }: { switching: Switching }) => {
  const { t } = useTranslation()
  if (!asking) return null
  return (
    <Modal
      opened
      onClose={() => answer(false)}
      title={t('last.title', { name: asking.operator.name })}
      closeButtonProps={{ 'aria-label': t('action.close') }}
    >
      <Text>{t('last.text')}</Text>
      <Group justify="flex-end" mt="lg">
        <Button variant="default" data-autofocus onClick={() => answer(false)}>
          {t('last.keep')}
        </Button>
        <Button color="red.9" onClick={() => answer(true)}>
          {t('last.go')}
        </Button>
      </Group>
    </Modal>
  )
}
