import { useMantineColorScheme } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { Icon } from '../states/icon.tsx'
import { ChoiceMenu } from './choice-menu.tsx'

export const ThemeMenu = () => {
  const { t } = useTranslation()
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
