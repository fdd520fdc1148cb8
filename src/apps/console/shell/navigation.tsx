import { Link, useLocation } from 'wouter'
import { useCan } from '../session/rights.ts'
import { Icon } from '../states/icon.tsx'
import { useWords } from '../words/words.ts'
import { screens } from './screens.ts'
import { useOrganization } from './use-organization.ts'

export const Navigation = () => {
  const { t } = useWords()
  const [here] = useLocation()
  const can = useCan()
  const organization = useOrganization()
  return (
    <nav aria-label={t('shell.navigation')} className="navigation">
      {screens
        .filter(({ scope }) => scope === undefined || can(scope))
        .map(({ name, icon, path }) => {
          const to = path(organization)
          const isHere = to === '/' ? here === '/' : here.startsWith(to)
          return (
            <Link key={name} href={to} aria-current={isHere ? 'page' : undefined}>
              <Icon name={icon} />
              {t(`nav.${name}`)}
            </Link>
          )
        })}
    </nav>
  )
}
