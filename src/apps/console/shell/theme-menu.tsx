import { chooseScheme, scheme, schemes } from '../page/colour-scheme.ts'
import { Icon } from '../states/icon.tsx'
import { useWords } from '../words/words.ts'
import { ChoiceMenu } from './choice-menu.tsx'

export const ThemeMenu = () => {
  const { t } = useWords()
  return (
    <ChoiceMenu
      face={<Icon name="sun" />}
      label={t('theme.title')}
      choices={schemes.map((each) => [each, t(`theme.${each}`)] as const)}
      chosen={scheme.use()}
      choose={chooseScheme}
    />
  )
}
