import { useQueryClient } from '@tanstack/react-query'
import { GatewayError, type OperatorList, type OperatorStatus } from '../../../client/client.ts'
import { gateway } from '../data/gateway.ts'
import type { Read } from '../data/read.ts'
import { useRead } from '../data/use-read.ts'
import { type Filters, queryOf } from './filters.ts'

const pageSize = 50

const isRedisAway = (error: unknown): boolean =>
  error instanceof GatewayError && error.code === 'redis.unavailable'

/** One page of the operators that match. While Redis is away, without who changed them. */
export const useOperators = (organization: number, filters: Filters, cursor: string | undefined) => {
  const query = { ...queryOf(filters), ...(cursor !== undefined && { cursor }), limit: pageSize }
  return useRead(['operators', organization, queryOf(filters), cursor], (signal) => {
    const list = (more: object) =>
      gateway.operators.list(organization, { ...query, ...more }, { signal }).withResponse()
    return {
      withResponse: () =>
        list({ fields: ['id', 'name', 'status', 'statusSince', 'changedBy'] }).catch((error: unknown) => {
          if (isRedisAway(error)) return list({})
          throw error
        }),
    }
  })
}

export const useStatistics = (organization: number) =>
  useRead(['statistics', organization], (signal) =>
    gateway.organizations.statistics(organization, { signal }),
  )

/** Shows a change that the gateway acknowledged, and has the lists read again. */
export const useShowChange = (organization: number) => {
  const client = useQueryClient()
  return (changed?: { id: number; status: OperatorStatus }): void => {
    const withChange = (shown: Read<OperatorList> | undefined) =>
      shown && {
        ...shown,
        data: {
          ...shown.data,
          items: shown.data.items.map((each) => (each.id === changed?.id ? { ...each, ...changed } : each)),
        },
      }
    client.setQueriesData<Read<OperatorList>>({ queryKey: ['operators', organization] }, withChange)
    for (const queryKey of [
      ['operators', organization],
      ['statistics'],
      ['operator', organization],
      ['history', organization],
      ['activity'],
    ])
      void client.invalidateQueries({ queryKey })
  }
}
