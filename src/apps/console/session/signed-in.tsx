import { lazy, type ReactNode, Suspense, useEffect } from 'react'
import { AuthenticationError } from '../../../client/client.ts'
import { useFollowEvents } from '../data/live.ts'
import { signedOut } from '../data/query-client.ts'
import { useRead } from '../data/use-read.ts'
import { withMantine } from '../mantine/with-mantine.tsx'
import { Problem } from '../states/problem.tsx'
import { includes, SessionContext, sessionRead } from './rights.ts'

const loadSignIn = withMantine(() => import('./sign-in.tsx'))
const SignIn = lazy(loadSignIn)

/** Ms after which the dialog is loaded. It must open over work that is kept when a newer gateway lacks the files of this page. */
const loadMs = 5000

/** Shows the page to who has a session. A session that ends leaves the page as it is, below a dialog. */
export const SignedIn = ({ failure, children }: { failure: unknown; children: ReactNode }) => {
  // Read again every minute, since a key may lose rights.
  const { data, error, refetch } = useRead(...sessionRead, { every: 60_000 })
  const session = data?.data
  const isOut = signedOut.use()
  useFollowEvents(
    session && !isOut ? session.expiresAt : '',
    session !== undefined && includes(session.scopes, 'events:read'),
  )
  useEffect(() => {
    const timer = setTimeout(() => void loadSignIn().catch(() => {}), loadMs)
    return () => clearTimeout(timer)
  }, [])
  const isStranger = session === undefined && (isOut || failure !== undefined)
  return (
    <SessionContext value={session}>
      {session && children}
      {(isOut || isStranger) && (
        <Suspense>
          <SignIn failure={failure} hadSession={session !== undefined} />
        </Suspense>
      )}
      {!session && !isStranger && error && !(error instanceof AuthenticationError) && (
        <main className="alone">
          <Problem error={error} retry={() => void refetch()} />
        </main>
      )}
    </SessionContext>
  )
}
