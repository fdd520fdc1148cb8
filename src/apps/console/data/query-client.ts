import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query'
import { AuthenticationError } from '../../../client/client.ts'
import { createStore } from './store.ts'

/** True: the gateway knows no session of this browser any more. What is shown stays. */
export const signedOut = createStore(false)

export const noteFailure = (error: unknown): void => {
  if (error instanceof AuthenticationError && error.code !== 'session.ticket') signedOut.set(true)
}

export const queryClient = new QueryClient({
  queryCache: new QueryCache({ onError: noteFailure }),
  mutationCache: new MutationCache({ onError: noteFailure }),
  defaultOptions: {
    queries: { retry: false, staleTime: 2000, gcTime: 10 * 60_000 },
    mutations: { networkMode: 'always' },
  },
})
