import { useTranslation } from 'react-i18next'
import { Link } from 'wouter'
import { Empty } from '../states/empty.tsx'

export const Missing = () => {
  const { t } = useTranslation()
  return <Empty icon="help" title={t('shell.missing')} action={<Link href="/">{t('nav.board')}</Link>} />
}
