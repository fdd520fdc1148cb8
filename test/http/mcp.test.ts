import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { hasScope } from '../../src/access/authorize.ts'
import { scopes } from '../../src/contract/scopes.ts'
import { tools } from '../../src/http/mcp/tools.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { until } from '../support/until.ts'

let gateway: TestGateway
let clients: Record<string, Client>
beforeAll(async () => {
  gateway = await startGateway({
    env: { MCP_ENABLED: 'true', CORS_ORIGINS: 'https://crm.example.com' },
    clients: [
      { id: 'sales', organizations: [6] },
      { id: 'spent', requestsPerMinute: 1 },
      ...scopes.map((scope) => ({ id: scope.replace(':', '-'), scopes: [scope] })),
    ],
  })
  clients = { all: await connect('all'), old: await connect('all', 'legacy'), sales: await connect('sales') }
})
afterAll(async () => {
  for (const client of Object.values(clients)) await client.close()
  await gateway.close()
})
beforeEach(() => gateway.simulator.clearArrivals())

/** A client of the library that programs use, with the key of this caller. */
const connect = async (id: string, mode: 'auto' | 'legacy' = 'auto'): Promise<Client> => {
  const made = new Client({ name: 'test', version: '1.0.0' }, { versionNegotiation: { mode } })
  const headers = { Authorization: `Bearer ${gateway.keys[id]}` }
  await made.connect(
    new StreamableHTTPClientTransport(new URL(`${gateway.url}/mcp`), { requestInit: { headers } }),
  )
  return made
}
/** The texts of an outcome; the first one as JSON. */
const call = async (caller: Client, name: string, args: Record<string, unknown> = {}) => {
  const { content, isError = false } = await caller.callTool({ name, arguments: args })
  const texts = content.map((each) => (each.type === 'text' ? each.text : ''))
  return { isError, value: JSON.parse(texts[0] ?? ''), texts }
}
const client = (id = 'all'): Client => clients[id] as Client
/** One message as it is, with what HTTP says of its answer. */
const send = (message: object, headers: Record<string, string> = {}, key?: string) =>
  gateway.ask('POST', '/mcp', {
    body: { jsonrpc: '2.0', id: 1, ...message },
    headers,
    ...(key !== undefined && { key }),
  })

/** A call of each tool that does what it is for. */
const usual: Record<string, Record<string, unknown>> = {
  list_operators: { org: 24 },
  find_operators: { q: 'smith' },
  get_statistics: {},
  diagnose_organization: { org: 24 },
  add_operators: { org: 24, operators: [{ name: 'Alex Brown' }] },
  set_status: { org: 24, ids: [103], status: 'active' },
  preview_import: { org: 24, csv: 'name\nEmma Davis\n' },
  get_operation: { operation: '24-unknown' },
}
const writes = (): string[] =>
  gateway.simulator
    .arrivals()
    .flatMap(({ route }) => (['synchronize', 'status'].includes(route) ? [route] : []))

describe('the versions', () => {
  it('are the newest for a client that asks, and the last with a handshake for one that begins with it', async () => {
    expect(client().getNegotiatedProtocolVersion()).toBe('2026-07-28')
    expect(client('old').getNegotiatedProtocolVersion()).toBe('2025-11-25')
    expect(client('old').getServerVersion()?.name).toBe('chathub-gateway')
    for (const each of [client(), client('old')])
      expect((await call(each, 'get_statistics')).value.organizations.length).toBeGreaterThan(1)
  })

  it.each([
    ['2025-06-18', '2025-06-18'],
    ['1999-01-01', '2025-11-25'],
    ['2026-07-28', '2025-11-25'],
  ])('of a handshake that asks for %s are %s', async (protocolVersion, chosen) => {
    const { status, body } = await send({ method: 'initialize', params: { protocolVersion } })
    expect([status, body.result.protocolVersion]).toEqual([200, chosen])
  })

  it('that are not supported are refused with those that are, and headers must agree with the message', async () => {
    const old = await send({ method: 'ping' }, { 'MCP-Protocol-Version': '2024-11-05' })
    expect([old.status, old.body.error.code, old.body.error.data.supported]).toEqual([
      400,
      -32022,
      ['2026-07-28', '2025-11-25', '2025-06-18'],
    ])
    const params = {
      _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' },
      name: 'get_statistics',
    }
    const headers = {
      'MCP-Protocol-Version': '2026-07-28',
      'Mcp-Method': 'tools/call',
      'Mcp-Name': 'get_statistics',
    }
    expect((await send({ method: 'tools/call', params }, headers)).body.result.isError).toBeUndefined()
    for (const name of Object.keys(headers)) {
      const { status, body } = await send({ method: 'tools/call', params }, { ...headers, [name]: 'other' })
      expect([name, status, [-32020, -32022].includes(body.error.code)]).toEqual([name, 400, true])
    }
    const unknown = { ...headers, 'Mcp-Method': 'prompts/list' }
    const answers = [
      await send({ method: 'prompts/list' }),
      await send({ method: 'prompts/list', params }, unknown),
    ]
    expect(answers.map(({ status, body }) => [status, body.error.code])).toEqual([
      [200, -32601],
      [404, -32601],
    ])
  })

  it('need nothing but POST: a notification is taken, and there are no sessions', async () => {
    const { status, text } = await send({ id: undefined, method: 'notifications/initialized' })
    expect([status, text]).toEqual([202, ''])
    for (const method of ['GET', 'DELETE']) expect((await gateway.ask(method, '/mcp')).status).toBe(405)
    const batch = await gateway.ask('POST', '/mcp', { body: [{ jsonrpc: '2.0', id: 1, method: 'ping' }] })
    expect([batch.status, batch.body.code]).toEqual([422, 'request.invalid-body'])
  })
})

describe('the tools', () => {
  it('have schemas that are valid, take the usual calls and no others', async () => {
    const { tools: listed } = await client().listTools()
    expect(listed.map(({ name }) => name)).toEqual(Object.keys(usual))
    const ajv = new Ajv2020({ strict: false })
    for (const { name, inputSchema, description } of listed) {
      expect([name, description?.length]).toEqual([name, expect.any(Number)])
      const isValid = ajv.compile(inputSchema)
      expect([name, isValid(usual[name]), isValid.errors]).toEqual([name, true, null])
      expect([name, isValid({ ...usual[name], more: 1 })]).toEqual([name, false])
    }
    const schemaOf = (name: string) => listed.find((each) => each.name === name)?.inputSchema
    // What is fixed is not the caller's to choose.
    expect(schemaOf('preview_import')?.properties).not.toHaveProperty('dryRun')
    expect(schemaOf('list_operators')).toMatchObject({
      properties: { org: { type: 'integer' }, limit: { default: 100 } },
    })
    expect(schemaOf('add_operators')).toMatchObject({ required: ['org', 'operators'] })
  })

  it('say of themselves what they do: who is read-only writes nothing, who is idempotent writes once', async () => {
    const { tools: listed } = await client().listTools()
    const seen: Record<string, unknown> = {}
    for (const { name, annotations } of listed) {
      gateway.simulator.clearArrivals()
      const before = gateway.simulator.operators(24)
      await call(client(), name, usual[name])
      const first = writes()
      await call(client(), name, usual[name])
      const kept = gateway.simulator.operators(24).filter(({ id }) => before.some((each) => each.id === id))
      seen[name] = {
        readOnlyHint: first.length === 0,
        destructiveHint: JSON.stringify(kept) !== JSON.stringify(before),
        idempotentHint: writes().length === first.length,
        openWorldHint: false,
      }
      expect([name, annotations]).toEqual([name, seen[name]])
    }
    expect(
      Object.values(seen).filter((each) => !(each as { readOnlyHint: boolean }).readOnlyHint),
    ).toHaveLength(2)
  })

  it('answer as their endpoints do, and list fewer at a time', async () => {
    const { body } = await gateway.ask('GET', '/v1/organizations/24/operators?status=active,inactive&limit=2')
    const { value } = await call(client(), 'list_operators', {
      org: 24,
      status: ['active', 'inactive'],
      limit: 2,
    })
    expect(value).toEqual(body)
    const preview = await call(client(), 'preview_import', { org: 24, csv: 'name\nJohn Smith\nEmma Davis\n' })
    expect(preview.value).toMatchObject({ total: 2, exists: 1, created: 1, file: { format: 'csv' } })
    const csv = { headers: { 'Content-Type': 'text/csv' }, body: 'name\nOlga Bondar\n' }
    const { id } = (await gateway.ask('POST', '/v1/organizations/24/imports', csv)).body
    const stateNow = async () => (await call(client(), 'get_operation', { operation: id })).value.state
    await until(async () => (await stateNow()) === 'done')
  })

  it.each([
    ['list_operators', {}, 'request.invalid', ['/org']],
    ['list_operators', { org: 'x', limit: 0 }, 'request.invalid', ['/org', '/limit']],
    ['list_operators', { org: 24, more: 1 }, 'request.invalid', ['/more']],
    ['add_operators', { org: 24, operators: [{ name: ' ' }] }, 'request.invalid-body', ['/operators/0/name']],
    [
      'add_operators',
      { org: 24, operators: [{ name: 'A' }], onDuplicate: 'allow' },
      'request.invalid',
      ['/onDuplicate'],
    ],
    ['preview_import', { org: 24 }, 'request.invalid', ['/csv']],
    ['preview_import', { org: 24, csv: 'name\nA\n', dryRun: false }, 'request.invalid', ['/dryRun']],
    ['set_status', { org: 24, ids: [], status: 'gone' }, 'request.invalid-body', ['/ids', '/status']],
  ] as const)(
    '%s with %j is refused with the places, and nothing is written',
    async (name, args, code, places) => {
      const { isError, value } = await call(client(), name, args)
      expect([isError, value.code]).toEqual([true, code])
      expect(value.errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual(places)
      expect(writes()).toEqual([])
    },
  )

  it('that do not exist, or whose arguments are none, are errors of the protocol', async () => {
    await expect(client().callTool({ name: 'drop_tables' })).rejects.toMatchObject({ code: -32602 })
    const odd = await send({ method: 'tools/call', params: { name: 'get_statistics', arguments: [] } })
    expect([odd.status, odd.body.error.code]).toEqual([200, -32602])
  })

  it('say how old a list is while ChatHub is down', async () => {
    const headers = { 'Cache-Control': 'no-cache' }
    await gateway.ask('GET', '/v1/organizations/24/operators', { headers })
    gateway.simulator.fault({ mode: 'status', status: 503 })
    gateway.jump(600_000)
    const { isError, texts, value } = await call(client(), 'list_operators', { org: 24 })
    expect([isError, value.organization.id, texts[1]]).toEqual([
      false,
      24,
      expect.stringMatching(/This is 60\d seconds old/),
    ])
    gateway.simulator.clearFaults()
  })
})

describe('the rights', () => {
  it('of a tool are those of its endpoint, for every scope: what a key may not call is not shown either', async () => {
    for (const scope of scopes) {
      const one = await connect(scope.replace(':', '-'))
      const shown = (await one.listTools()).tools.map(({ name }) => name)
      for (const { name, endpoint } of tools) {
        const { scope: wanted } = endpoint
        const isGranted =
          wanted === 'any' || (wanted !== 'open' && hasScope({ scopes: new Set([scope]) }, wanted))
        expect([scope, name, shown.includes(name)]).toEqual([scope, name, isGranted])
        const { value } = await call(one, name, usual[name])
        expect([scope, name, value.code === 'scope.missing']).toEqual([scope, name, !isGranted])
      }
      await one.close()
    }
  })

  it('make another organization look like one that does not exist', async () => {
    for (const name of ['list_operators', 'add_operators', 'set_status', 'preview_import']) {
      const outcomes = await Promise.all(
        [24, 999_999].map((org) => call(client('sales'), name, { ...usual[name], org })),
      )
      const [foreign, unknown] = outcomes.map((each) => ({ ...each.value, requestId: '', instance: '' }))
      expect([name, foreign.code]).toEqual([name, 'organization.unknown'])
      expect(foreign).toEqual(unknown)
    }
    expect(writes()).toEqual([])
    const found = await call(client('sales'), 'find_operators', { q: 'smith' })
    expect(found.value.total).toBe(0)
  })

  it('and limits are those of HTTP, and a change is recorded under the key', async () => {
    expect((await send({ method: 'ping' }, {}, '')).status).toBe(401)
    const spent = gateway.keys['spent'] as string
    expect((await send({ method: 'ping' }, {}, spent)).status).toBe(200)
    expect((await send({ method: 'ping' }, {}, spent)).body.code).toBe('limit.exceeded')
    await call(client('sales'), 'add_operators', { org: 6, operators: [{ name: 'Recorded Person' }] })
    const { body } = await gateway.ask('GET', '/v1/audit?organizations=6')
    expect(body.items[0]).toMatchObject({
      client: 'sales',
      operator: { name: 'Recorded Person' },
      kind: 'added',
    })
  })

  it('are not lent to pages of other origins', async () => {
    for (const [Origin, status] of [
      ['https://crm.example.com', 200],
      ['https://evil.example', 403],
      [gateway.url, 403],
    ] as const)
      expect([Origin, (await send({ method: 'ping' }, { Origin })).status]).toEqual([Origin, status])
  })
})

it('is off unless it is asked for', async () => {
  const without = await startGateway({ beside: gateway })
  const { status, body } = await without.ask('POST', '/mcp', {
    body: { jsonrpc: '2.0', id: 1, method: 'ping' },
  })
  expect([status, body.code]).toEqual([404, 'route.unknown'])
  expect((await without.ask('GET', '/openapi.json')).body.paths).not.toHaveProperty('/mcp')
  await without.close()
})
