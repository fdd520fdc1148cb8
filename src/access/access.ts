import type { Records } from '../redis/records.ts'
import type { Secret } from '../secret.ts'
import { createAuthenticate } from './authenticate.ts'
import { createClientLimit } from './client-limit.ts'
import { createGatewayTokens } from './gateway-tokens.ts'
import { createIdentityProvider } from './identity-provider.ts'
import { createKeyUses } from './key-uses.ts'
import { type ClientEntry, createKeys } from './keys.ts'
import { createListClients } from './list-clients.ts'
import { createSessions } from './sessions.ts'

type Options = Omit<Parameters<typeof createSessions>[0], 'secret' | 'records' | 'keys'> &
  Omit<Parameters<typeof createIdentityProvider>[0], 'oidcIssuer' | 'oidcClientId'> & {
    clientEntries: readonly ClientEntry[]
    jwksUrl: URL | undefined
    jwtIssuer: string | undefined
    jwtAudience: string | undefined
    sessionSecret: Secret | undefined
    oidcIssuer: URL | undefined
    oidcClientId: string | undefined
    /** A store for one kind of record. In memory each kind has its own bound, so none evicts another. */
    newRecords(): Records
    /** Basic credentials are for a proxy in front. */
    ignoreBasicAuth: boolean
    clientConcurrency: number
    /** Is told each request that a limit on trial would have refused. */
    wouldRefuse(client: string): void
  }

/** Who is calling: keys first, then gateway tokens, then JWTs; sessions when a secret is set. */
export const createAccess = (options: Options) => {
  const { jwksUrl, jwtIssuer: issuer, jwtAudience: audience, sessionSecret: secret, proxies, clock } = options
  const { oidcIssuer, oidcClientId } = options
  const keyUses = createKeyUses({ records: options.newRecords(), clock })
  const keys = createKeys(options.clientEntries, clock, keyUses.used)
  const newLimit = () => createClientLimit(clock, options.clientConcurrency, options.wouldRefuse)
  const limit = newLimit()
  const gatewayTokens = createGatewayTokens({ ...options, keys, records: options.newRecords(), limit })
  const sessions = secret && createSessions({ ...options, secret, records: options.newRecords(), keys })
  const finders = [keys.find, gatewayTokens.find]
  if (jwksUrl && issuer && audience) {
    // Loaded only where JWTs are accepted, because it lengthens the start.
    const findByJwt = import('./jwt.ts').then(({ createJwtFinder }) =>
      createJwtFinder({ jwksUrl, issuer, audience, proxies, clock }),
    )
    finders.push(async (token) => (await findByJwt)(token))
  }
  return {
    keys,
    listClients: createListClients({ keys, keyUses }),
    limit,
    /** The same for addresses, so that none of them can take the place of a client. */
    addressLimit: newLimit(),
    gatewayTokens,
    sessions,
    identityProvider:
      oidcIssuer && oidcClientId
        ? createIdentityProvider({ ...options, oidcIssuer, oidcClientId })
        : undefined,
    authenticate: createAuthenticate(finders, sessions, options.ignoreBasicAuth),
  }
}
