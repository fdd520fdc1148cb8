import { fetch } from 'undici'
import { createDispatcher, type Proxies, proxyFor } from '../outbound.ts'
import type { Secret } from '../secret.ts'
import { roleOf, type SignInRole } from './sign-in-roles.ts'

/** The client of sessions for which the provider vouches. No key can have this id. */
export const signInClient = 'oidc:console'

const fetchMs = 5000
const subjectMax = 128

/** What the browser keeps, sealed, while the person is at the provider. */
export type SignInAttempt = { state: string; nonce: string; verifier: string }

/** Sign-in by OpenID Connect: the code flow with PKCE, state and nonce. Nothing is asked of the provider before the first sign-in. */
export const createIdentityProvider = (options: {
  oidcIssuer: URL
  oidcClientId: string
  oidcClientSecret: Secret | undefined
  oidcGroupsClaim: string
  oidcSubjectClaim: string
  roles: readonly SignInRole[]
  proxies: Proxies
}) => {
  const { oidcIssuer: issuer, oidcClientId: clientId, proxies } = options
  let { oidcClientSecret: secret, roles } = options
  const dispatchers = new Map<string, ReturnType<typeof createDispatcher>>()
  /** The endpoints of a provider may be on several hosts. */
  const dispatcherOf = (target: URL) => {
    const known = dispatchers.get(target.origin)
    const made =
      known ?? createDispatcher(target, proxyFor(target, proxies), { connections: 2, connectMs: fetchMs })
    dispatchers.set(target.origin, made)
    return made
  }
  /** Loaded at the first sign-in, because it lengthens the start. */
  const load = async () => {
    const oidc = await import('openid-client')
    const request = (url: string, init: object) =>
      fetch(url, { ...init, dispatcher: dispatcherOf(new URL(url)) } as never) as unknown as Promise<Response>
    const authentication = secret ? oidc.ClientSecretBasic(secret.reveal()) : oidc.None()
    // Settings allow http: for a provider on loopback alone.
    const execute = issuer.protocol === 'http:' ? [oidc.allowInsecureRequests] : []
    const configuration = await oidc.discovery(issuer, clientId, undefined, authentication, {
      execute,
      timeout: fetchMs / 1000,
      [oidc.customFetch]: request,
    })
    return { oidc, configuration }
  }
  let loading: ReturnType<typeof load> | undefined
  const loaded = () => {
    loading ??= load().catch((error: unknown) => {
      loading = undefined
      throw error
    })
    return loading
  }

  return {
    /** From now on. Attempts that have begun go on. */
    replace: (next: { secret: Secret } | { roles: readonly SignInRole[] }): void => {
      if ('roles' in next) roles = next.roles
      else {
        secret = next.secret
        loading = undefined
      }
    },
    /** Where the person signs in. @throws when the provider cannot be reached */
    begin: async (redirectUri: string) => {
      const { oidc, configuration } = await loaded()
      const verifier = oidc.randomPKCECodeVerifier()
      const attempt = { state: oidc.randomState(), nonce: oidc.randomNonce(), verifier }
      const url = oidc.buildAuthorizationUrl(configuration, {
        redirect_uri: redirectUri,
        scope: 'openid profile email',
        code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        state: attempt.state,
        nonce: attempt.nonce,
      })
      return { url: url.href, attempt }
    },
    /**
     * Who has signed in. `url`: that of the callback, with its query. `role` undefined: no group of the person has one.
     * @throws when the provider or its answer is not to be trusted
     */
    finish: async (url: URL, { state, nonce, verifier }: SignInAttempt) => {
      const { oidc, configuration } = await loaded()
      const tokens = await oidc.authorizationCodeGrant(configuration, url, {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: verifier,
        idTokenExpected: true,
      })
      const claims = tokens.claims() ?? { sub: '' }
      return {
        subject: subjectOf(claims, options.oidcSubjectClaim),
        role: roleOf(roles, groupsOf(claims[options.oidcGroupsClaim as 'sub'])),
      }
    },
    /** Where the person signs out, and then goes on to `returnTo`. Undefined: the provider names no such page. @throws like `begin` */
    leave: async (returnTo: string): Promise<string | undefined> => {
      const { oidc, configuration } = await loaded()
      if (!configuration.serverMetadata().end_session_endpoint) return undefined
      return oidc.buildEndSessionUrl(configuration, { post_logout_redirect_uri: returnTo }).href
    },
  }
}

export type IdentityProvider = ReturnType<typeof createIdentityProvider>

const groupsOf = (claim: unknown): string[] => [claim].flat().filter((one) => typeof one === 'string')

/** The claim as the name of the person. An e-mail address that is not verified may be anybody's: then `sub`. */
const subjectOf = (claims: Record<string, unknown>, name: string): string => {
  const isVerified = name !== 'email' || claims['email_verified'] !== false
  const given = isVerified ? claims[name] : undefined
  const text = typeof given === 'string' && given !== '' ? given : String(claims['sub'])
  return text.replaceAll(/[\p{Cc}\p{Cs}\u202A-\u202E\u2066-\u2069]/gu, '').slice(0, subjectMax)
}
