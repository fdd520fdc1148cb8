import { type Query, type QueryClient, useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import { AuthenticationError } from '../../../client/client.ts'
import { applyEvent } from './apply-event.ts'
import { gateway } from './gateway.ts'
import { invalidate } from './invalidate.ts'
import { noteFailure } from './query-client.ts'
import { createStore } from './store.ts'
import { whenIdle } from './when-idle.ts'

/** `polling`: no event comes, so lists are read every 15 s. */
const state = createStore<'connecting' | 'live' | 'polling'>('connecting')
export const useLive = state.use
export const isLive = (): boolean => state.get() === 'live'

/** What is read again by the clock. */
const polled = new Set<unknown>(['session', 'status'])
const isFollowed = ({ queryKey }: Query): boolean => !polled.has(queryKey[0])

/** Marks the lists as old. Each of them then finds when it is read again: its component is not drawn for that. */
const markOld = (client: QueryClient): void =>
  void client.invalidateQueries({ predicate: isFollowed, refetchType: 'none' })

/** Ms until a stream that was refused is asked for again. */
const againMs = 15_000

/**
 * Reads again what is shown, each list in an idle moment of its own, so that the page answers keys in between. None waits for
 * the answer of another.
 */
const readAgain = (client: QueryClient, signal: AbortSignal): void => {
  const shown = client.getQueryCache().findAll({ predicate: isFollowed, type: 'active' })
  const next = (): void => {
    const query = shown.shift()
    if (!query || signal.aborted) return
    void invalidate(client, { queryKey: query.queryKey, exact: true })
    whenIdle(next)
  }
  whenIdle(next)
}

/** Keeps what is shown true by the events of the gateway. `session`: another one opens another stream. */
export const useFollowEvents = (session: string, canRead: boolean): void => {
  const client = useQueryClient()
  useEffect(() => {
    const turn = (next: 'live' | 'polling'): void => {
      const wasLive = isLive()
      state.set(next)
      // Each stream that begins may have missed a change, also one that follows another without a gap.
      if (wasLive || next === 'live') markOld(client)
    }
    if (!canRead || session === '') return turn('polling')
    const stop = new AbortController()
    const { signal } = stop
    const follow = async (): Promise<void> => {
      const onConnection = (isOpen: boolean): void => {
        turn(isOpen ? 'live' : 'polling')
        // What changed before the stream began is in the lists. No event tells of the session and the status.
        if (isOpen) readAgain(client, signal)
      }
      for await (const event of gateway.events.subscribe({}, { signal, onConnection }))
        applyEvent(client, event)
    }
    const run = (): void => {
      follow().catch((error: unknown) => {
        turn('polling')
        noteFailure(error)
        if (!signal.aborted && !(error instanceof AuthenticationError)) timer = setTimeout(run, againMs)
      })
    }
    let timer: ReturnType<typeof setTimeout> | undefined
    const forget = whenIdle(run)
    return () => {
      forget()
      clearTimeout(timer)
      stop.abort()
    }
  }, [client, session, canRead])
}
