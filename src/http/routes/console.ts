import type { Request } from 'express'
import { signInClient } from '../../access/identity-provider.ts'
import { setCookie } from '../../access/session-cookie.ts'
import { clearAttempt, readAttempt, writeAttempt } from '../../access/sign-in-attempt.ts'
import { endpoints } from '../../contract/endpoints.ts'
import { Failure } from '../../errors.ts'
import type { Answer } from '../answer.ts'
import { fileAnswer } from '../pages/built-file.ts'
import { consolePage } from '../pages/console-page.ts'
import { ownOrigin } from '../request-context.ts'
import type { Router } from '../router.ts'
import type { Services } from './services.ts'

const noSessions =
  'The console needs browser sessions, and this gateway has none. Operators of the gateway: set SESSION_SECRET or SESSION_SECRET_FILE, at least 32 characters, the same for all instances. Without it the console runs only where HOST is loopback and REDIS_URL is unset.'

/** Where the build leaves the page. */
const built = new URL('../../../dist/console/', import.meta.url)

/** Why nobody was signed in, or out at the provider. The page says it in the language of its reader. */
type Problem = `sign-in.${'off' | 'unavailable' | 'refused' | 'failed' | 'no-role' | 'still-there'}`

const toPage = (problem?: Problem, cookies: string[] = []): Answer => ({
  empty: 302,
  headers: {
    Location: problem ? `/console/#error=${problem}` : '/console/',
    ...(cookies.length > 0 && { 'Set-Cookie': cookies }),
  },
})

/** The page for people. It knows no more than the API gives to its session. */
export const mountConsole = (router: Router, services: Services): void => {
  const { access, consoleFolder = built, clock, sessionSameSite } = services
  const { sessions, identityProvider } = access
  const page = (): Answer =>
    consolePage(consoleFolder, identityProvider ? { 'console-login': '/console/login' } : {})
  const requireSessions = (): void => {
    if (!sessions) throw new Failure('console.unavailable', { detail: noSessions })
  }
  const tell = (result: 'ok' | Problem, requestId: string, error?: unknown): void =>
    services.report({
      name: 'sign-in',
      result,
      requestId,
      ...(error !== undefined && { because: reasonOf(error) }),
    })

  const begin = async (req: Request): Promise<Answer> => {
    if (!sessions || !identityProvider) return toPage('sign-in.off')
    const origin = ownOrigin(req)
    try {
      const { url, attempt } = await identityProvider.begin(`${origin}/console/callback`)
      const cookie = writeAttempt(attempt, { sessions, origin, clock })
      return { empty: 302, headers: { Location: url, 'Set-Cookie': [cookie] } }
    } catch (error) {
      tell('sign-in.unavailable', req.requestContext.requestId, error)
      return toPage('sign-in.unavailable')
    }
  }

  const finish = async (req: Request): Promise<Answer> => {
    if (!sessions || !identityProvider) return toPage('sign-in.off')
    const origin = ownOrigin(req)
    const { requestId } = req.requestContext
    const attempt = readAttempt(req.headers, { sessions, origin, clock })
    try {
      if (!attempt) throw new Error('the browser did not begin here, or too long ago')
      const { subject, role } = await identityProvider.finish(new URL(origin + req.originalUrl), attempt)
      if (!role) {
        tell('sign-in.no-role', requestId)
        return toPage('sign-in.no-role', [clearAttempt])
      }
      const { scopes, organizations } = role
      const { id, endsAt } = await sessions.start(
        signInClient,
        { scopes, organizations, origin, subject },
        requestId,
      )
      tell('ok', requestId)
      const cookie = setCookie(id, sessionSameSite, (endsAt - clock.wall()) / 1000)
      return toPage(undefined, [cookie, clearAttempt])
    } catch (error) {
      const problem = problemOf(error)
      tell(problem, requestId, error)
      return toPage(problem, [clearAttempt])
    }
  }

  const leave = async (req: Request): Promise<Answer> => {
    try {
      const url = await identityProvider?.leave(`${ownOrigin(req)}/console/`)
      return url === undefined ? toPage() : { empty: 302, headers: { Location: url } }
    } catch (error) {
      tell('sign-in.still-there', req.requestContext.requestId, error)
      return toPage('sign-in.still-there')
    }
  }

  router.bind(endpoints.console, () => {
    requireSessions()
    return page()
  })
  router.bind(endpoints.consoleLogin, ({ req }) => begin(req))
  router.bind(endpoints.consoleCallback, ({ req }) => finish(req))
  router.bind(endpoints.consoleLogout, ({ req }) => leave(req))
  router.bind(endpoints.consoleFile, ({ params, req }) => {
    requireSessions()
    return fileAnswer(consoleFolder, params.path, req.headers['accept-encoding']) ?? page()
  })
}

/** What the person can do about it differs: nothing, try again later, or ask somebody. */
const problemOf = (error: unknown): Problem => {
  const { error: answer, code, message, cause } = error as Error & Record<'error' | 'code', unknown>
  if (answer === 'access_denied') return 'sign-in.refused'
  // The message of undici for every failure of the network. The library may wrap it.
  const isAway =
    code === 'OAUTH_TIMEOUT' || [message, (cause as Partial<Error>)?.message].includes('fetch failed')
  return isAway ? 'sign-in.unavailable' : 'sign-in.failed'
}

/** In words of the library, which hold neither code nor token. */
const reasonOf = (error: unknown): string => {
  const { code, message, cause } = error as Error & { code?: string; cause?: Partial<Error> }
  return `${code ? `${code}: ` : ''}${cause?.message ?? message}`
}
