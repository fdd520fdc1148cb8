import { QueryClientProvider } from '@tanstack/react-query'
import { queryClient } from './data/query-client.ts'
import { WithStatus } from './data/use-status.tsx'
import { SignedIn } from './session/signed-in.tsx'
import { Shell } from './shell/shell.tsx'
import { WithOrganizations } from './shell/use-organization.tsx'
import { Toasts } from './states/toasts.tsx'
import { useShown, WordsContext } from './words/words.ts'

/** `failure`: why the link of the address opened no session. */
export const App = ({ failure }: { failure: unknown }) => (
  <WordsContext value={useShown()}>
    <QueryClientProvider client={queryClient}>
      <SignedIn failure={failure}>
        <WithStatus>
          <WithOrganizations>
            <Shell />
          </WithOrganizations>
        </WithStatus>
      </SignedIn>
      <Toasts />
    </QueryClientProvider>
  </WordsContext>
)
