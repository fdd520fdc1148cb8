import type { OperatorChange } from '../../../client/client.ts'
import { gateway } from '../data/gateway.ts'
import { useRead } from '../data/use-read.ts'
import { Shown } from '../states/shown.tsx'
import { useFormat } from '../words/use-format.ts'
import { useWords } from '../words/words.ts'

const Change = ({ change }: { change: OperatorChange }) => {
  const { t } = useWords()
  const format = useFormat()
  const { type, from, to, name, observedAt, between, client, subject } = change
  const [kind] = type.split('.').slice(1)
  return (
    <li>
      <span>
        {t(`history.${kind}`, {
          name: name ?? '',
          from: from ? t(`status.${from}`) : '',
          to: to ? t(`status.${to}`) : '',
        })}
      </span>
      <small className="quiet">
        {between
          ? t('history.between', {
              from: format.time(between[0] as string),
              to: format.time(between[1] as string),
            })
          : `${format.time(observedAt)} · ${subject ?? client?.split('/')[0] ?? ''}`}
      </small>
    </li>
  )
}

/** What changed of an operator, the newest first. */
export const History = ({ organization, id }: { organization: number; id: number }) => {
  const { t } = useWords()
  const format = useFormat()
  const query = useRead(['history', organization, id], (signal) =>
    gateway.operators.history(organization, id, { limit: 50 }, { signal }),
  )
  return (
    <section>
      <h2>{t('history.title')}</h2>
      <Shown query={query} rows={3}>
        {({ items, completeSince }) => (
          <>
            {items.length === 0 && <p className="quiet">{t('history.none')}</p>}
            <ol className="history">
              {items.map((change) => (
                <Change key={change.id} change={change} />
              ))}
            </ol>
            {completeSince && (
              <small className="quiet">{t('history.since', { time: format.time(completeSince) })}</small>
            )}
          </>
        )}
      </Shown>
    </section>
  )
}
