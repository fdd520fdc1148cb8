import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { type Endpoint, endpoints } from '../../src/contract/endpoints.ts'
import { includes, type Scope, scopes } from '../../src/contract/scopes.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { seen } from './seen.ts'

/** 24 is the caller's. ChatHub has 6, but it is not the caller's. ChatHub does not have 777. */
const [own, foreign, unknown] = [24, 6, 777]

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway({
    env: { SESSION_SECRET: 's'.repeat(40) },
    clients: [
      { id: 'few', organizations: [own] },
      ...scopes.map((scope) => ({
        id: without(scope),
        scopes: scopes.filter((each) => each !== scope && !includes[each]?.includes(scope)),
      })),
    ],
  })
  await gateway.ask('GET', '/v1/operators')
})
afterAll(() => gateway.close())
beforeEach(() => gateway.simulator.clearArrivals())

const without = (scope: Scope): string => `without-${scope.replace(':', '-')}`
const all: Endpoint[] = Object.values(endpoints)
const nameOf = ({ method, path }: Endpoint): string => `${method.toUpperCase()} ${path}`

/** Ids of a path, filled by the name of the parameter. */
const idsOf = (organization: number): Record<string, string> => ({
  org: String(organization),
  operator: '1',
  chatId: 'a',
  operation: '1-abcdefgh',
  code: 'route.unknown',
})
const urlOf = ({ path }: Endpoint, organization: number): string =>
  path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const id = idsOf(organization)[name]
    if (id === undefined) throw new Error(`idsOf has no ${name}`)
    return id
  })

type Sent = { client?: string; body?: unknown; query?: string }
const ask = (endpoint: Endpoint, organization: number, { client = 'few', body, query = '' }: Sent = {}) =>
  gateway.ask(endpoint.method, urlOf(endpoint, organization) + query, {
    key: gateway.keys[client] as string,
    ...(body !== undefined && { body }),
  })
/** No JSON and no type: a gateway that looks at it answers 400 or 415. */
const broken = (endpoint: Endpoint) => (endpoint.body ? { body: '{' } : {})

const writes = () =>
  gateway.simulator.arrivals().filter(({ method, route }) => method === 'POST' && route !== 'login')

const namesOrganization = ({ path, anyOrganization }: Endpoint): boolean =>
  path.includes('{org}') && anyOrganization !== true
const inPath = all.filter(namesOrganization)
/** Requests that name an organization in another way. */
const elsewhere: Partial<Record<keyof typeof endpoints, (organization: number) => Sent>> = {
  listOrganizations: (id) => ({ query: `?ids=${id}` }),
  searchOperators: (id) => ({ query: `?organizations=${id}` }),
  dropInOperators: (id) => ({ query: `?organizationId=${id}` }),
  dropInSynchronize: (organizationId) => ({ body: [{ organizationId, name: 'A' }] }),
  diagnose: () => ({}),
  purge: (organization) => ({ body: { organization } }),
  listAudit: (id) => ({ query: `?organizations=${id}` }),
  listOperations: (id) => ({ query: `?organization=${id}` }),
  eraseName: (organization) => ({ body: { organization, operator: 1 } }),
  mintSession: (id) => ({ body: { organizations: [id], scopes: [], origin: 'https://a.example' } }),
}
/** Endpoints that take no id of an organization. */
const nowhere = [
  ...['findOperator', 'getAllStatistics', 'getOperation', 'getOperationRows', 'watchOperation'],
  ...[
    'cancelOperation',
    'retryOperation',
    'undoOperation',
    'validateOperatorToken',
    'openSession',
    'getSession',
    'endSession',
  ],
  ...[
    'docs',
    'problemPage',
    'me',
    'upstream',
    'metrics',
    'livez',
    'readyz',
    'openapi',
    'dropInOrganizations',
  ],
  ...['dropInLogin', 'dropInStatus', 'dropInToken', 'dropInValidate'],
]

it('every endpoint is in one of the tables of this suite', () => {
  const rest = Object.entries<Endpoint>(endpoints).filter(([, endpoint]) => !namesOrganization(endpoint))
  expect(rest.map(([key]) => key).toSorted()).toEqual([...Object.keys(elsewhere), ...nowhere].toSorted())
})

describe('an organization in the path', () => {
  it.each(inPath.map((endpoint) => [nameOf(endpoint), endpoint] as const))(
    'of %s: foreign and unknown answer alike, before the body is read, and nothing is sent',
    async (_name, endpoint) => {
      const refused = seen(await ask(endpoint, foreign, broken(endpoint)))
      expect([refused.status, refused.text.includes('organization.unknown')]).toEqual([404, true])
      expect(seen(await ask(endpoint, unknown, broken(endpoint)))).toEqual(refused)
      expect(gateway.simulator.arrivals()).toEqual([])
      const granted = await ask(endpoint, own, broken(endpoint))
      expect(granted.body.code).not.toBe('organization.unknown')
      if (endpoint.body) expect([400, 415]).toContain(granted.status)
      expect(writes().filter(({ organization }) => organization !== own)).toEqual([])
    },
  )
})

describe('an organization that is not named in the path', () => {
  it.each(Object.keys(elsewhere))(
    'of %s: foreign and unknown answer alike, and nothing is sent',
    async (key) => {
      const endpoint: Endpoint = endpoints[key as keyof typeof endpoints]
      const sent = elsewhere[key as keyof typeof endpoints] as (organization: number) => Sent
      const refused = seen(await ask(endpoint, foreign, sent(foreign)))
      expect(seen(await ask(endpoint, unknown, sent(unknown)))).toEqual(refused)
      expect(gateway.simulator.arrivals()).toEqual([])
      const granted = await ask(endpoint, own, sent(own))
      expect(granted.status).toBeLessThan(300)
      expect(seen(granted)).not.toEqual(refused)
    },
  )
})

describe('a scope', () => {
  const scoped = all.flatMap((endpoint) =>
    [endpoint.scope, endpoint.scopeToo].flatMap((scope) =>
      scope === undefined || scope === 'open' || scope === 'any'
        ? []
        : [[nameOf(endpoint), scope, endpoint] as const],
    ),
  )
  it.each(scoped)(
    'of %s, %s: without it 403, before the organization and the body are looked at',
    async (_name, scope, endpoint) => {
      for (const organization of [own, foreign, unknown]) {
        const { status, body } = await ask(endpoint, organization, {
          client: without(scope),
          query: '?x=1',
          ...broken(endpoint),
        })
        expect([status, body.code]).toEqual([403, 'scope.missing'])
        expect(body.errors[0].detail).toContain(scope)
      }
      expect(gateway.simulator.arrivals()).toEqual([])
    },
  )
})

describe('a caller without the right', () => {
  /** What a server answers to the head of a request and half of its body. */
  const answerToHalf = async (client: string, organization: number, ...fields: string[]): Promise<string> => {
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1')
    const head = [
      `POST /v1/organizations/${organization}/operators HTTP/1.1`,
      'Host: x',
      `X-API-Key: ${gateway.keys[client]}`,
      'Content-Type: application/json',
      'Content-Length: 1000',
      ...fields,
    ]
    socket.write(`${head.join('\r\n')}\r\n\r\n{"operators":`)
    const [bytes] = (await once(socket, 'data')) as [Buffer]
    socket.destroy()
    return bytes.toString()
  }

  it.each([
    ['without the scope', without('operators:write'), own, 403],
    ['without the organization', 'few', foreign, 404],
  ] as const)('%s is refused before the body has arrived', async (_name, client, organization, status) => {
    expect(await answerToHalf(client, organization)).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  })

  it.each([
    ['without the scope', without('operators:write'), own, 403],
    ['without the organization', 'few', foreign, 404],
    ['with both', 'few', own, 100],
  ] as const)(
    '%s: only a caller with the right is told to send it',
    async (_name, client, organization, status) => {
      const answer = await answerToHalf(client, organization, 'Expect: 100-continue')
      expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    },
  )
})
