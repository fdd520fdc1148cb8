import { usePath } from '../page/hash-location.ts'
import { useCan } from '../session/rights.ts'
import { Icon } from '../states/icon.tsx'
import { useWords } from '../words/words.ts'
import { screens } from './screens.ts'
import { useOrganization } from './use-organization.tsx'

export const Navigation = () => {
  const { t } = useWords()
  const here = usePath()
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
            <a key={name} href={`#${to}`} aria-current={isHere ? 'page' : undefined}>
              <Icon name={icon} />
              {t(`nav.${name}`)}
            </a>
          )
        })}
    </nav>
  )
}
