import { useMantineColorScheme } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { ChoiceMenu } from './choice-menu.tsx'

export const ThemeMenu = () => {
  const { t } = useTranslation()
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  return (
    <ChoiceMenu
      icon="sun"
      label={t('theme.title')}
      choices={{ auto: t('theme.auto'), light: t('theme.light'), dark: t('theme.dark') }}
      chosen={colorScheme}
      choose={setColorScheme}
    />
  )
}
