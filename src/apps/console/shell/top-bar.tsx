import { ActionIcon, Select } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { useLocation } from 'wouter'
import { useSession } from '../session/rights.ts'
import { Icon } from '../states/icon.tsx'
import { DataAge } from './data-age.tsx'
import { Health } from './health.tsx'
import { LanguageMenu } from './language-menu.tsx'
import { paletteOpen } from './palette-open.ts'
import { PersonMenu } from './person-menu.tsx'
import { ThemeMenu } from './theme-menu.tsx'
import { useOrganization, useOrganizations } from './use-organization.ts'

/** The screen that is shown, for another organization. */
const samePlace = (path: string, id: string): string => {
  const [, , screen] = path.split('/')
  return /^\/\d+\//.test(path) ? `/${id}/${screen}` : `/${id}/operators`
}

const OrganizationSwitcher = () => {
  const { t } = useTranslation()
  const [path, navigate] = useLocation()
  const organization = useOrganization()
  const organizations = useOrganizations()
  if (organizations.length === 0) return null
  return (
    <Select
      className="organization"
      size="xs"
      searchable
      allowDeselect={false}
      aria-label={t('shell.organization')}
      nothingFoundMessage={t('shell.noOrganization')}
      value={String(organization)}
      data={organizations.map(({ id, name }) => ({ value: String(id), label: name }))}
      onChange={(id) => id && navigate(samePlace(path, id))}
    />
  )
}

export const TopBar = () => {
  const { t } = useTranslation()
  const session = useSession()
  return (
    <>
      <OrganizationSwitcher />
      <div className="grow" />
      <DataAge />
      <Health />
      <ActionIcon
        variant="subtle"
        color="gray"
        size="lg"
        aria-label={t('palette.open')}
        onClick={() => paletteOpen.set(true)}
      >
        <Icon name="search" />
      </ActionIcon>
      <LanguageMenu />
      <ThemeMenu />
      {session && <PersonMenu session={session} />}
    </>
  )
}
