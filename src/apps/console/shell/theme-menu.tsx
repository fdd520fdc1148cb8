import { useMantineColorScheme } from '@mantine/core'
import { Icon } from '../states/icon.tsx'
import { useWords } from '../words/words.ts'
import { ChoiceMenu } from './choice-menu.tsx'

export const ThemeMenu = () => {
  const { t } = useWords()
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  return (
    <ChoiceMenu
      face={<Icon name="sun" />}
      label={t('theme.title')}
      choices={(['auto', 'light', 'dark'] as const).map((scheme) => [scheme, t(`theme.${scheme}`)] as const)}
      chosen={colorScheme}
      choose={setColorScheme}
    />
  )
}
