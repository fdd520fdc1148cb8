import { Modal, type ModalProps } from '@mantine/core'
import { useWords } from '../words/words.ts'
import { useFocusBack } from './use-focus-back.ts'

/** A dialog over the page, open while it is drawn. */
export const Dialog = (props: Omit<ModalProps, 'opened'>) => {
  const { t } = useWords()
  useFocusBack()
  return <Modal opened closeButtonProps={{ 'aria-label': t('action.close') }} {...props} />
}
