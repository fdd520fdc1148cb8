import { useTranslation } from 'react-i18next'
import { chooseLanguage, languages } from '../words/words.ts'
import { ChoiceMenu } from './choice-menu.tsx'

export const LanguageMenu = () => {
  const { t, i18n } = useTranslation()
  return (
    <ChoiceMenu
      icon="globe"
      label={t('shell.language')}
      choices={languages}
      chosen={i18n.language}
      choose={(language) => void chooseLanguage(language)}
      langOf={(language) => language}
    />
  )
}
