import { gateway } from '../data/gateway.ts'
import { useRead } from '../data/use-read.ts'
import { useFormat } from '../words/use-format.ts'
import { useWords } from '../words/words.ts'

/** Imports that began before, here or in another tab. */
export const RecentImports = ({ organization }: { organization: number }) => {
  const { t } = useWords()
  const format = useFormat()
  const { data } = useRead(['activity', 'imports', organization], (signal) =>
    gateway.operations.list({ kind: ['import'], organization, limit: 5 }, { signal }),
  )
  if (!data || data.data.items.length === 0) return null
  return (
    <section>
      <h2>{t('import.recent')}</h2>
      <ul className="recent">
        {data.data.items.map(({ id, startedAt, total, state }) => (
          <li key={id}>
            <a href={`#/${organization}/import/${id}`}>{t('import.rows', { count: total })}</a>{' '}
            <span className="quiet">
              {format.time(startedAt)} · {t(`operation.${state}`)}
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}
