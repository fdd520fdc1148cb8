import { navigate, usePath } from '../page/hash-location.ts'
import { useSession } from '../session/rights.ts'
import { Icon } from '../states/icon.tsx'
import { useWords } from '../words/words.ts'
import { ChoiceMenu } from './choice-menu.tsx'
import { DataAge } from './data-age.tsx'
import { Health } from './health.tsx'
import { LanguageMenu } from './language-menu.tsx'
import { paletteOpen } from './palette-open.ts'
import { PersonMenu } from './person-menu.tsx'
import { ThemeMenu } from './theme-menu.tsx'
import { useOrganization, useOrganizations } from './use-organization.tsx'

/** The screen that is shown, for another organization. */
const samePlace = (path: string, id: number): string => {
  const [, , screen] = path.split('/')
  return /^\/\d+\//.test(path) ? `/${id}/${screen}` : `/${id}/operators`
}

const OrganizationSwitcher = () => {
  const { t } = useWords()
  const path = usePath()
  const organization = useOrganization()
  const organizations = useOrganizations()
  if (organizations.length === 0) return null
  const name = organizations.find(({ id }) => id === organization)?.name ?? `#${organization}`
  return (
    <ChoiceMenu
      className="organization"
      face={
        <>
          <span>{name}</span>
          <Icon name="down" size={14} />
        </>
      }
      label={`${t('shell.organization')}: ${name}`}
      choices={organizations.map((each) => [each.id, each.name] as const)}
      chosen={organization}
      choose={(id) => navigate(samePlace(path, id))}
    />
  )
}

export const TopBar = () => {
  const { t } = useWords()
  const session = useSession()
  return (
    <>
      <OrganizationSwitcher />
      <div className="grow" />
      <DataAge />
      <Health />
      <button
        type="button"
        className="icon-button"
        aria-label={t('palette.open')}
        onClick={() => paletteOpen.set(true)}
      >
        <Icon name="search" />
      </button>
      <LanguageMenu />
      <ThemeMenu />
      {session && <PersonMenu session={session} />}
    </>
  )
}
