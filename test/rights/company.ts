import { hashKey, makeKey } from '../../src/access/keys.ts'
import type { Simulator } from '../../src/apps/simulator/simulator.ts'
import { type Scope, scopes } from '../../src/contract/scopes.ts'
import { audience, issuer, makeSigningKey, startJwks } from '../access/jwks.ts'

/** Ids of one length, so that an answer that repeats the id has the same length too. */
export const organizations = { own: 240_001, foreign: 240_002, unknown: 240_003, listed: 240_004 }
export const operators = { own: 310_000, foreign: 320_000, unknown: 330_000 }
export const ownCount = 300
/** Stands in every name of the foreign organization and of its client: no answer to the caller may have it. */
export const foreignMark = 'Foreign'
export const foreignClient = `${foreignMark}1`

/**
 * A company with two organizations, of which the caller has one, and with credentials of every kind for every set of
 * scopes. The keys and JWTs are of one client, the sessions of one person, so that all see the caller's operations.
 */
export const createCompany = async (scopeSets: readonly (readonly Scope[])[]) => {
  const signing = await makeSigningKey('ES256')
  const jwks = await startJwks([signing.publicJwk])
  const everything = [organizations.own, organizations.listed]
  const sets = scopeSets.map((set) => ({
    name: set.length === scopes.length ? 'all' : set.join(' ') || 'none',
    scopes: set,
    key: makeKey('desk'),
  }))
  const others = { all: makeKey('all'), stranger: makeKey('stranger'), colleague: makeKey('colleague') }
  const client = (id: string, key: string, set: readonly Scope[], of: unknown) => ({
    id,
    keyHash: hashKey(key),
    scopes: set,
    organizations: of,
    requestsPerMinute: 10_000_000,
  })
  const clients = [
    client('all', others.all, scopes, '*'),
    client(foreignClient, others.stranger, scopes, [organizations.foreign]),
    client('colleague', others.colleague, scopes, [organizations.own]),
    ...sets.map(({ key, scopes: set }) => client('desk', key, set, everything)),
  ]
  const minter = sets.find(({ name }) => name === 'all')?.key ?? makeKey('desk')
  const people = (first: number, count: number, name: string) =>
    Array.from({ length: count }, (_, i) => ({ id: first + i, name: `${name} ${i}`, status: 0 }))

  /** Makes what exists in ChatHub. */
  const seed = (simulator: Simulator): void => {
    simulator.addOrganization(organizations.own, 'Own desk')
    simulator.addOrganization(organizations.foreign, `${foreignMark} desk`)
    simulator.setOperators(organizations.own, people(operators.own, ownCount, 'Person'))
    simulator.setOperators(organizations.foreign, people(operators.foreign, 9, `${foreignMark} person`))
  }

  return {
    env: {
      API_KEYS: JSON.stringify({ clients }),
      SESSION_SECRET: 'a-secret-of-at-least-32-characters',
      JWT_JWKS_URL: jwks.url.href,
      JWT_ISSUER: issuer,
      JWT_AUDIENCE: audience,
      CACHE_FRESH_SECONDS: '86400',
      ORGANIZATIONS_FRESH_SECONDS: '86400',
      ANONYMOUS_REQUESTS_PER_MINUTE: '10000000',
      CHATHUB_REQUESTS_PER_SECOND: '10000',
      // Nobody listens there.
      WEBHOOK_PRIVATE_HOSTS: '127.0.0.1:1=127.0.0.1',
      QUOTAS_PER_CLIENT: 'webhooks=1000',
    } as Record<string, string>,
    seed,
    sets,
    others,
    minter,
    everything,
    signing,
    close: jwks.close,
  }
}

export type Company = Awaited<ReturnType<typeof createCompany>>
