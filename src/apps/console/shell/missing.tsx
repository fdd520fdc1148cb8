import { Empty } from '../states/empty.tsx'
import { useWords } from '../words/words.ts'

export const Missing = () => {
  const { t } = useWords()
  return <Empty icon="help" title={t('shell.missing')} action={<a href="#/">{t('nav.board')}</a>} />
}
