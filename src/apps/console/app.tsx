import { QueryClientProvider } from '@tanstack/react-query'
import { Router } from 'wouter'
import { queryClient } from './data/query-client.ts'
import { useHashPath, useHashSearch } from './page/hash-location.ts'
import { SignedIn } from './session/signed-in.tsx'
import { Shell } from './shell/shell.tsx'
import { Toasts } from './states/toasts.tsx'

/** `failure`: why the link of the address opened no session. */
export const App = ({ failure }: { failure: unknown }) => (
  <QueryClientProvider client={queryClient}>
    <Router hook={useHashPath} searchHook={useHashSearch}>
      <SignedIn failure={failure}>
        <Shell />
      </SignedIn>
      <Toasts />
    </Router>
  </QueryClientProvider>
)
