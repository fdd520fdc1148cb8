import { useMutation } from '@tanstack/react-query'
import type { Session } from '../../../client/client.ts'
import { gateway } from '../data/gateway.ts'
import { signedOut } from '../data/query-client.ts'
import { Icon } from '../states/icon.tsx'
import { useFormat } from '../words/use-format.ts'
import { useWords } from '../words/words.ts'
import { DropDown } from './drop-down.tsx'
import { Menu } from './menu.tsx'
import { useOrganizations } from './use-organization.tsx'

const About = ({ session }: { session: Session }) => {
  const { t } = useWords()
  const format = useFormat()
  const organizations = useOrganizations()
  return (
    <div className="person">
      <strong>{session.subject ?? t('person.nameless')}</strong>
      <span className="quiet">{t('person.until', { time: format.time(session.expiresAt) })}</span>
      <span className="quiet">{t('person.organizations', { count: organizations.length })}</span>
    </div>
  )
}

export const PersonMenu = ({ session }: { session: Session }) => {
  const { t } = useWords()
  const { mutate: signOut } = useMutation({
    mutationFn: () => gateway.sessions.end(),
    onSuccess: () => (session.signOut ? location.assign(session.signOut) : signedOut.set(true)),
  })
  return (
    <DropDown face={<Icon name="person" />} label={t('person.title')} popup="menu">
      {(close) => (
        <>
          <About session={session} />
          <Menu label={t('person.title')}>
            <a
              role="menuitem"
              tabIndex={-1}
              href="/docs"
              target="_blank"
              rel="noreferrer"
              onClick={() => close()}
            >
              {t('person.docs')}
            </a>
            <button
              type="button"
              role="menuitem"
              tabIndex={-1}
              onClick={() => {
                close()
                signOut()
              }}
            >
              {t('person.signOut')}
            </button>
          </Menu>
        </>
      )}
    </DropDown>
  )
}
