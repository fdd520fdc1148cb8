import { useIsFetching, useQueryClient } from '@tanstack/react-query'
import { gateway } from '../data/gateway.ts'
import type { Read } from '../data/read.ts'
import { useNow } from '../data/use-now.ts'
import { useCan } from '../session/rights.ts'
import { Icon } from '../states/icon.tsx'
import { useAge } from '../words/use-age.ts'
import { useWords } from '../words/words.ts'
import { useOrganization } from './use-organization.tsx'

/** The lists whose age readers ask for. */
const lists = new Set(['operators', 'statistics'])

/** How old the oldest list on the screen is. A click has ChatHub asked again. */
export const DataAge = () => {
  const { t } = useWords()
  const age = useAge()
  const client = useQueryClient()
  const now = useNow()
  const organization = useOrganization()
  const canRead = useCan()('operators:read')
  const isReading = useIsFetching({ predicate: ({ queryKey }) => lists.has(String(queryKey[0])) }) > 0
  const active = client
    .getQueryCache()
    .findAll({ type: 'active', predicate: ({ queryKey }) => lists.has(String(queryKey[0])) })
  const shown = active.flatMap(({ state }) => (state.data as Read<unknown> | undefined)?.asOf ?? [])
  if (!canRead || shown.length === 0) return null
  const isBoard = active.every(({ queryKey }) => queryKey.length === 1)
  const refresh = async () => {
    // ChatHub is asked once; the reads that follow find the new lists.
    const headers = { 'Cache-Control': 'no-cache' }
    const asked = isBoard
      ? gateway.organizations.allStatistics({ headers })
      : gateway.operators.list(organization, { limit: 1 }, { headers })
    await asked.catch(() => {})
    await client.invalidateQueries()
  }
  return (
    <button
      type="button"
      className="bar-button age"
      onClick={() => void refresh()}
      title={t('age.again')}
      data-busy={isReading || undefined}
    >
      <Icon name="refresh" size={14} />
      <span>{age(Math.min(...shown), now)}</span>
    </button>
  )
}
