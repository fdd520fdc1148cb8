import type { QueryClient } from '@tanstack/react-query'
import type { Event, Operator, OperatorList } from '../../../client/client.ts'
import { invalidate } from './invalidate.ts'
import type { Read } from './read.ts'
import { createStore } from './store.ts'

/** Ids of operators that changed just now, with the time. Their rows flash once. */
export const changedAt = createStore<ReadonlyMap<number, number>>(new Map())

/** Ms in which further events are collected before lists are read again. */
const collectMs = 300

const waiting = new Set<number>()
const readAgain = (client: QueryClient, organization: number): void => {
  if (waiting.has(organization)) return
  waiting.add(organization)
  setTimeout(() => {
    waiting.delete(organization)
    for (const queryKey of [
      ['operators', organization],
      ['statistics'],
      ['history', organization],
      ['activity'],
    ])
      void invalidate(client, { queryKey })
  }, collectMs)
}

const changed = (operator: Operator, { operator: now, client, observedAt, type }: Event): Operator => ({
  ...operator,
  status: now?.status ?? operator.status,
  name: now?.name ?? operator.name,
  ...(type === 'operator.statusChanged' && {
    statusSince: observedAt,
    changedBy: client === null ? null : { client, subject: null },
  }),
})

/** The page of a list with one operator as it is after the event. */
const withEvent = (list: OperatorList, event: Event): OperatorList => ({
  ...list,
  items: list.items.map((operator) =>
    operator.id === event.operator?.id ? changed(operator, event) : operator,
  ),
})

/** Shows what an event says at once. The lists are read again soon after, because filters, counts and pages depend on it. */
export const applyEvent = (client: QueryClient, event: Event): void => {
  const { type, organization, operator } = event
  if (type === 'resync') return void invalidate(client, {})
  if (event.coverage) return void invalidate(client, { queryKey: ['coverage'] })
  if (organization === null || !operator) {
    for (const queryKey of [['organizations'], ['statistics']]) void invalidate(client, { queryKey })
    return
  }
  client.setQueriesData<Read<OperatorList>>(
    { queryKey: ['operators', organization] },
    (shown) => shown && { ...shown, data: withEvent(shown.data, event) },
  )
  changedAt.set(new Map(changedAt.get()).set(operator.id, Date.now()))
  readAgain(client, organization)
}
