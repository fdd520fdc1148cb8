import { gateway } from '../data/gateway.ts'
import { useNow } from '../data/use-now.ts'
import { useRead } from '../data/use-read.ts'
import { ScreenHead } from '../page/screen-head.tsx'
import { Needs } from '../session/needs.tsx'
import { useOrganizations } from '../shell/use-organization.tsx'
import { Empty } from '../states/empty.tsx'
import { Shown } from '../states/shown.tsx'
import { StateWord } from '../states/state-word.tsx'
import { useFormat } from '../words/use-format.ts'
import { useWords } from '../words/words.ts'
import './keys.css'

/** A key that ends within so many ms is pointed out. */
const soonMs = 14 * 86_400_000

const Expiry = ({ at }: { at: string | null }) => {
  const { t } = useWords()
  const format = useFormat()
  const now = useNow(60_000)
  if (at === null) return <span className="quiet">{t('key.noExpiry')}</span>
  const left = new Date(at).getTime() - now
  const tone = left <= 0 ? 'bad' : left < soonMs ? 'warn' : 'quiet'
  return (
    <StateWord tone={tone}>
      {format.time(at)} {left <= 0 ? t('key.ended') : left < soonMs ? t('key.soon') : ''}
    </StateWord>
  )
}

const Content = () => {
  const { t } = useWords()
  const format = useFormat()
  const names = new Map(useOrganizations().map(({ id, name }) => [id, name]))
  const query = useRead(['clients'], (signal) => gateway.gateway.clients({ signal }), { every: 60_000 })
  return (
    <>
      <ScreenHead title={t('nav.keys')} text={t('key.text')} />
      <Shown query={query} rows={4}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty icon="key" title={t('key.none')} />
          ) : (
            <table className="plain stacks keys">
              <thead>
                <tr>
                  <th scope="col">{t('column.client')}</th>
                  <th scope="col">{t('column.used')}</th>
                  <th scope="col">{t('column.ends')}</th>
                  <th scope="col">{t('column.organizations')}</th>
                  <th scope="col">{t('column.scopes')}</th>
                </tr>
              </thead>
              <tbody>
                {items.map((client, index) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: two keys of one client have the same id.
                  <tr key={index}>
                    <th scope="row">{client.id}</th>
                    <td data-label={t('column.used')}>
                      {client.lastUsedAt ? format.time(client.lastUsedAt) : t('key.unused')}
                    </td>
                    <td data-label={t('column.ends')}>
                      <Expiry at={client.expiresAt} />
                    </td>
                    <td data-label={t('column.organizations')}>
                      {client.organizations === '*'
                        ? t('key.all')
                        : client.organizations.map((id) => names.get(id) ?? `#${id}`).join(', ')}
                    </td>
                    <td className="scopes" data-label={t('column.scopes')}>
                      {client.scopes.map((scope) => (
                        <code key={scope}>{scope}</code>
                      ))}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )
        }
      </Shown>
    </>
  )
}

const Keys = () => (
  <Needs scope="admin">
    <Content />
  </Needs>
)

export default Keys
