import { useTranslation } from 'react-i18next'
import { Icon } from '../states/icon.tsx'
import { chooseLanguage, type Language, languages } from '../words/words.ts'
import { ChoiceMenu } from './choice-menu.tsx'

export const LanguageMenu = () => {
  const { t, i18n } = useTranslation()
  return (
    <ChoiceMenu
      face={<Icon name="globe" />}
      label={t('shell.language')}
      choices={Object.entries(languages) as [Language, string][]}
      chosen={i18n.language as Language}
      choose={(language) => void chooseLanguage(language)}
      langOf={(language) => language}
    />
  )
}
