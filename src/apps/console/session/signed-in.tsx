import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { AuthenticationError } from '../../../client/client.ts'
import { useFollowEvents } from '../data/live.ts'
import { signedOut } from '../data/query-client.ts'
import { Problem } from '../states/problem.tsx'
import { sessionKey, useCan, useSession } from './rights.ts'
import { SignIn } from './sign-in.tsx'

/** Shows the page to who has a session. A session that ends leaves the page as it is, below a dialog. */
export const SignedIn = ({ failure, children }: { failure: unknown; children: ReactNode }) => {
  const session = useSession()
  const can = useCan()
  const isOut = signedOut.use()
  const { error, refetch } = useQuery({ queryKey: sessionKey, enabled: false })
  useFollowEvents(session && !isOut ? session.expiresAt : '', can('events:read'))
  const isStranger = session === undefined && (isOut || failure !== undefined)
  return (
    <>
      {session && children}
      {(isOut || isStranger) && <SignIn failure={failure} hadSession={session !== undefined} />}
      {!session && !isStranger && error && !(error instanceof AuthenticationError) && (
        <main className="alone">
          <Problem error={error} retry={() => void refetch()} />
        </main>
      )}
    </>
  )
}
