import { keepPreviousData, type QueryKey, useQuery } from '@tanstack/react-query'
import { type Answer, GatewayError } from '../../../client/client.ts'
import { isLive } from './live.ts'
import { queryClient } from './query-client.ts'
import { type Read, read } from './read.ts'

type Call<T> = { withResponse(): Promise<Answer<T>> }
/** The name under which an answer is kept, and how it is read. */
export type Source<T> = readonly [key: QueryKey, call: (signal: AbortSignal) => Call<T>]

/** Ms between two reads while no event tells of changes. */
const pollMs = 15_000
/** Ms until old data, or an error without a hint, is tried again. */
const againMs = 10_000

/** Ms until the gateway wants a failed read to be tried again. False: it says nothing. */
export const againAfter = (error: unknown): number | false =>
  error instanceof GatewayError && error.retryAfter ? Math.max(1, error.retryAfter) * 1000 : false

/** Ms until the next read by itself. `error`: that of the last read. */
const nextRead = (error: unknown, isStale: boolean | undefined): number | false => {
  if (error || isStale) return againAfter(error) || againMs
  return isLive() ? false : pollMs
}

/** Reads before a component asks. Never fails. */
export const readEarly = <T>([key, call]: Source<T>): Promise<void> =>
  queryClient.prefetchQuery({ queryKey: key, queryFn: ({ signal }) => read(call(signal)) })

/** A read that stays true: events make it read again, or it is read every 15 s. `every`: ms, for what no event tells. */
export const useRead = <T>(
  key: QueryKey,
  call: (signal: AbortSignal) => Call<T>,
  { enabled = true, every }: { enabled?: boolean; every?: number } = {},
) =>
  useQuery<Read<T>>({
    queryKey: key,
    queryFn: ({ signal }) => read(call(signal)),
    enabled,
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) => {
      const next = nextRead(state.error, state.data?.isStale)
      return every === undefined ? next : Math.min(every, next || every)
    },
  })
