import type { Operator } from '../../../client/client.ts'
import { useFormat } from '../words/use-format.ts'
import { useWords } from '../words/words.ts'

/** Since when an operator has its status, and who set it. */
export const Since = ({ operator: { statusSince, changedBy } }: { operator: Operator }) => {
  const { t } = useWords()
  const format = useFormat()
  if (!statusSince)
    return (
      <span className="quiet since-unknown" title={t('since.unknownText')}>
        {t('since.unknown')}
      </span>
    )
  return (
    <span>
      <time dateTime={statusSince} title={format.full(statusSince)}>
        {format.time(statusSince)}
      </time>{' '}
      <span className="quiet">
        {changedBy ? (changedBy.subject ?? changedBy.client.split('/')[0]) : t('since.elsewhere')}
      </span>
    </span>
  )
}
