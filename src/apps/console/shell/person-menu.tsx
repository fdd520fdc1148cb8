import { ActionIcon, Menu, Text } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import type { Session } from '../../../client/client.ts'
import { gateway } from '../data/gateway.ts'
import { signedOut } from '../data/query-client.ts'
import { Icon } from '../states/icon.tsx'
import { useFormat } from '../words/use-format.ts'
import { useOrganizations } from './use-organization.ts'

export const PersonMenu = ({ session }: { session: Session }) => {
  const { t } = useTranslation()
  const format = useFormat()
  const organizations = useOrganizations()
  const { mutate: signOut } = useMutation({
    mutationFn: () => gateway.sessions.end(),
    onSuccess: () => (session.signOut ? location.assign(session.signOut) : signedOut.set(true)),
  })
  return (
    <Menu position="bottom-end" width={240}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t('person.title')}>
          <Icon name="person" />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <div className="person">
          <Text fw={600} truncate>
            {session.subject ?? t('person.nameless')}
          </Text>
          <Text size="sm" c="dimmed">
            {t('person.until', { time: format.time(session.expiresAt) })}
          </Text>
          <Text size="sm" c="dimmed">
            {t('person.organizations', { count: organizations.length })}
          </Text>
        </div>
        <Menu.Divider />
        <Menu.Item component="a" href="/docs" target="_blank" rel="noreferrer">
          {t('person.docs')}
        </Menu.Item>
        <Menu.Item onClick={() => signOut()}>{t('person.signOut')}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
