import { Icon } from '../states/icon.tsx'
import { chooseLanguage, type Language, languages, useWords } from '../words/words.ts'
import { ChoiceMenu } from './choice-menu.tsx'

export const LanguageMenu = () => {
  const { t, language } = useWords()
  return (
    <ChoiceMenu
      face={<Icon name="globe" />}
      label={t('shell.language')}
      choices={Object.entries(languages) as [Language, string][]}
      chosen={language}
      choose={(each) => void chooseLanguage(each)}
      langOf={(each) => each}
    />
  )
}
