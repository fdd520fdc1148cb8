import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { Ajv2020 } from 'ajv/dist/2020.js'
import express from 'express'
import { parse } from 'yaml'
import type { Endpoint } from '../../src/contract/endpoints.ts'
import { endpoints } from '../../src/contract/endpoints.ts'
import { createOpenApi } from '../../src/contract/openapi.ts'
import { failures } from '../../src/errors.ts'
import { mountMain } from '../../src/http/http.ts'
import { createRouter, expressPath } from '../../src/http/router.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { until } from '../support/until.ts'
import { asPage, cookieName, openSession, sessionEnv } from './browser-session.ts'

type Media = { schema: unknown }
type Operation = {
  operationId: string
  parameters: { name: string; in: string; required: boolean; schema: unknown }[]
  requestBody?: { content: Record<string, Media> }
  responses: Record<
    string,
    { description: string; headers?: Record<string, unknown>; content?: Record<string, Media> }
  >
  security: Record<string, unknown>[]
}
type Document = {
  openapi: string
  info: { title: string; version: string }
  paths: Record<string, Record<string, Operation>>
  components: {
    schemas: Record<string, unknown>
    headers: Record<string, object>
    securitySchemes: Record<string, object>
  }
}

let gateway: TestGateway
let document: Document
beforeAll(async () => {
  gateway = await startGateway({
    env: { ...sessionEnv, WEBHOOK_PRIVATE_HOSTS: '127.0.0.1:1=127.0.0.1', MCP_ENABLED: 'true' },
  })
  document = (await gateway.ask('GET', '/openapi.json', { key: '' })).body
})
afterAll(() => gateway.close())

const all: Endpoint[] = Object.values(endpoints)
const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  )
/** The id of an import that has ended, so that the list stays as it is. */
const importOne = async (name: string): Promise<string> => {
  const csv = { body: `name\n${name}`, headers: { 'Content-Type': 'text/csv' } }
  const { id } = (await gateway.ask('POST', '/v1/organizations/24/imports', csv)).body
  await until(async () => (await gateway.ask('GET', `/v1/operations/${id}`)).body.state === 'done')
  return id
}
const sorted = (pairs: string[]) => [...new Set(pairs)].toSorted()

describe('the document', () => {
  it('has only schemas that the meta-schema of JSON Schema allows', () => {
    const ajv = new Ajv2020({ strict: false })
    const media = operations().flatMap(({ operation }) => [
      ...Object.values(operation.requestBody?.content ?? {}),
      ...Object.values(operation.responses).flatMap(({ content }) => Object.values(content ?? {})),
    ])
    const { schemas, headers } = document.components
    const within = [
      ...media,
      ...operations().flatMap(({ operation }) => operation.parameters),
      ...Object.values(headers),
    ]
    const found = [...Object.values(schemas), ...within.map((each) => (each as Media).schema)]
    expect(found.length).toBeGreaterThan(100)
    for (const schema of found) expect([schema, ajv.validateSchema(schema as object)]).toEqual([schema, true])
  })

  it('names every endpoint of the contract and nothing else', () => {
    const documented = operations().map(({ path, method }) => `${method} ${path}`)
    expect(sorted(documented)).toEqual(sorted(all.map(({ method, path }) => `${method} ${path}`)))
    expect(document).toEqual(createOpenApi(all, document.info.version))
  })

  it('is answered by the server on every path and method, and any other method is 405', async () => {
    for (const [path, methods] of Object.entries(document.paths)) {
      const url = path
        .replace('{code}', 'route.method')
        .replace('{guide}', 'limits')
        .replace('{asset}', 'docs.css')
        .replace('{path}', 'operators')
        .replaceAll(/\{\w+\}/g, '1')
      for (const method of ['get', 'head', 'post', 'patch', 'delete', 'put', 'options']) {
        const answer = await gateway.ask(method, url, { key: '' })
        const isThere = method in methods || (method === 'head' && 'get' in methods)
        expect([method, url, answer.status === 405]).toEqual([method, url, !isThere])
        expect(answer.status).not.toBe(404)
      }
    }
  })

  it('has exactly the endpoints of the router', () => {
    // Mounting binds handlers and runs none, so the services are not needed.
    const router = createRouter(() => ({ serve: async () => {}, perform: async () => ({ empty: 204 }) }))
    mountMain(router, { access: { sessions: {} }, mcpEnabled: true } as never)
    const app = express()
    router.mount(app)
    const routed = app.router.stack.flatMap(({ route }) => {
      const { methods, path } = route as unknown as { methods: Record<string, boolean>; path: string }
      return Object.keys(methods).flatMap((method) => (method === '_all' ? [] : [`${method} ${path}`]))
    })
    const documented = operations().map(({ path, method }) => `${method} ${expressPath(path)}`)
    expect(routed.toSorted()).toEqual(documented.toSorted())
  })

  it('is OpenAPI 3.1 whose every reference resolves', () => {
    expect(document.openapi).toMatch(/^3\.1\.\d$/)
    expect(document.info).toMatchObject({ title: expect.any(String), version: expect.any(String) })
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(
      ([, reference]) => reference as string,
    )
    expect(references.length).toBeGreaterThan(10)
    for (const reference of references) {
      expect(reference).toMatch(/^#\//)
      const target = reference
        .slice(2)
        .split('/')
        .reduce<unknown>((at, key) => (at as Record<string, unknown>)?.[key], document)
      // A definition that only points on (to itself, at worst) defines nothing.
      expect([reference, Object.keys(target as object)]).not.toEqual([reference, ['$ref']])
    }
  })

  it('gives each operation a unique id, a defined security scheme, and every parameter of its path', () => {
    const ids = operations().map(({ operation }) => operation.operationId)
    expect(new Set(ids).size).toBe(ids.length)
    for (const { path, operation } of operations()) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
      const described = operation.parameters.filter((parameter) => parameter.in === 'path')
      expect(described.map(({ name, required }) => [name, required])).toEqual(
        inPath.map((name) => [name, true]),
      )
      const names = operation.parameters.map((parameter) => `${parameter.in} ${parameter.name}`)
      expect(new Set(names).size).toBe(names.length)
      for (const way of operation.security.flatMap((ways) => Object.keys(ways)))
        expect(document.components.securitySchemes).toHaveProperty(way)
    }
  })

  it('documents every failure that an endpoint names, by its status and code', () => {
    for (const endpoint of all)
      for (const code of endpoint.failures ?? []) {
        const response = document.paths[endpoint.path]?.[endpoint.method]?.responses[failures[code].status]
        expect([endpoint.id, code, response?.content && Object.keys(response.content)]).toEqual([
          endpoint.id,
          code,
          expect.arrayContaining(['application/problem+json']),
        ])
        expect(response?.description).toContain(`\`${code}\``)
      }
  })

  it('documents every answer that an endpoint names, also beside a failure of the same status', () => {
    for (const endpoint of all)
      for (const [status, schema] of Object.entries(endpoint.answers)) {
        const response = document.paths[endpoint.path]?.[endpoint.method]?.responses[status]
        const media = Object.keys(response?.content ?? {})
        expect([endpoint.id, status, media.includes(endpoint.produces ?? 'application/json')]).toEqual([
          endpoint.id,
          status,
          schema !== null,
        ])
      }
  })

  it('documents the refusals that every request can get for its framing', () => {
    for (const { operation } of operations())
      for (const status of ['400', '406', '408', '414', '417', '431', '500'])
        expect(operation.responses).toHaveProperty(status)
  })

  it('leaves no schema empty', () => {
    for (const { path, operation } of operations())
      for (const { content } of [
        operation.requestBody ?? { content: {} },
        ...Object.values(operation.responses),
      ])
        for (const [media, { schema }] of Object.entries(content ?? {}))
          expect([path, media, Object.keys(schema as object).length > 0]).toEqual([path, media, true])
  })

  it('documents 304 and cache headers exactly where the gateway sends an ETag', async () => {
    const id = await openSession(gateway)
    const body = { chatId: 1 }
    expect((await gateway.ask('POST', '/v1/organizations/24/assignments', { body })).status).toBe(200)
    const made = await gateway.ask('POST', '/v1/webhooks', {
      body: { url: 'http://127.0.0.1:1/', organizations: [42] },
    })
    const values: Record<string, string> = {
      org: '24',
      operator: '101',
      chatId: '1',
      code: 'route.method',
      operation: await importOne('One'),
      webhook: made.body.id,
      guide: 'limits',
      asset: 'docs.css',
      path: 'operators',
    }
    const reads = operations().filter(({ method }) => method === 'get')
    expect(reads.length).toBeGreaterThan(20)
    for (const { path, operation } of reads) {
      const url = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => values[name] as string)
      const query = operation.operationId === 'chathubOperators' ? '?organizationId=24' : ''
      const asked = operation.operationId === 'getSession' ? asPage(id) : {}
      const { status, headers } = await gateway.ask('GET', url + query, asked)
      const hasTag = headers['etag'] !== undefined
      const wanted = '302' in operation.responses ? 302 : 200
      expect([path, status, '304' in operation.responses]).toEqual([path, wanted, hasTag])
      for (const name of ['ETag', 'Age', 'Cache-Status'])
        expect([path, name, name in (operation.responses['200']?.headers ?? {})]).toEqual([
          path,
          name,
          hasTag,
        ])
      if (!hasTag) continue
      const again = await gateway.ask('GET', url + query, {
        headers: { 'If-None-Match': String(headers['etag']) },
      })
      expect([path, again.status]).toEqual([path, 304])
    }
  })

  it('takes each list in a query comma separated or by a repeated parameter, with the same answer', async () => {
    const values: Record<string, string> = { org: '24', operator: '101', operation: await importOne('Two') }
    const lists = operations().flatMap(({ path, operation }) =>
      operation.parameters.flatMap(({ name, schema }) => {
        const { type, items } = schema as { type: string; items?: { enum?: unknown[] } }
        const url = path.replaceAll(/\{(\w+)\}/g, (_, place: string) => values[place] as string)
        return type === 'array' ? [{ url, name, entries: items?.enum ?? [24, 6] }] : []
      }),
    )
    expect(lists.length).toBeGreaterThan(8)
    for (const { url, name, entries } of lists) {
      const [one, other] = entries
      const joined = await gateway.ask('GET', `${url}?${name}=${one},${other}`)
      const repeated = await gateway.ask('GET', `${url}?${name}=${one}&${name}=${other}`)
      expect([url, name, joined.status]).toEqual([url, name, 200])
      expect([url, name, repeated.body]).toEqual([url, name, joined.body])
    }
  })

  it('is there as YAML, too', async () => {
    const { headers, text } = await gateway.ask('GET', '/openapi.yaml', { key: '' })
    expect(headers['content-type']).toBe('application/yaml; charset=utf-8')
    expect(parse(text, { maxAliasCount: 0 })).toEqual(document)
  })

  it('describes each response header that it names, and names each that it describes', () => {
    const named = operations().flatMap(({ operation }) =>
      Object.values(operation.responses).flatMap(({ headers = {} }) => Object.keys(headers)),
    )
    expect(sorted(named)).toEqual(sorted(Object.keys(document.components.headers)))
    for (const { path, operation } of operations())
      for (const { headers } of Object.values(operation.responses))
        expect([path, Object.keys(headers ?? {})]).toEqual([path, expect.arrayContaining(['X-Request-Id'])])
  })

  it('names the session cookie, with its header, as a credential of every endpoint that needs one', async () => {
    const { session, sessionHeader } = document.components.securitySchemes
    expect(session).toMatchObject({ type: 'apiKey', in: 'cookie', name: cookieName })
    expect(sessionHeader).toMatchObject({ type: 'apiKey', in: 'header', name: 'X-Gateway-Session' })
    const endpointOf = new Map(all.map((endpoint) => [endpoint.id, endpoint]))
    for (const { operation } of operations()) {
      const { scope, produces } = endpointOf.get(operation.operationId) as Endpoint
      // EventSource cannot send a header.
      const isStream = produces === 'text/event-stream'
      const bySession = operation.security.some(
        (way) => 'session' in way && 'sessionHeader' in way !== isStream,
      )
      expect([operation.operationId, bySession]).toEqual([operation.operationId, scope !== 'open'])
    }
    expect((await gateway.ask('GET', '/v1/me', asPage(await openSession(gateway)))).status).toBe(200)
  })

  it('offers no other credential where only a session counts', async () => {
    for (const method of ['get', 'delete']) {
      const security = document.paths['/v1/session']?.[method]?.security
      expect(security).toEqual([{ session: [], sessionHeader: [] }])
      expect((await gateway.ask(method, '/v1/session')).status).toBe(401)
    }
  })
})
