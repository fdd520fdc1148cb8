import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import type { ClientLimit } from '../../src/access/client-limit.ts'
import { hashKey } from '../../src/access/keys.ts'
import { endpoints } from '../../src/contract/endpoints.ts'
import { Failure } from '../../src/errors.ts'
import { createFastPath } from '../../src/http/fast-path.ts'
import type { ResponseBatcher } from '../../src/http/response-batcher.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { createPacedClock } from '../support/paced-clock.ts'
import { until } from '../support/until.ts'
import { withoutTime } from '../support/without-time.ts'
import { type Raw, raw } from './raw.ts'

/**
 * Express and the fast path give the same answer. `Cache-Control: max-age=0` means nothing to a list, but only Express takes
 * such a request, so every question is put twice. Without `src/http/fast-path.ts` every request takes Express, and no other
 * suite would notice. A caller cannot see which of the two answered, so the app counts the requests that reach it.
 */
const express = { 'Cache-Control': 'max-age=0' }
const clock = createPacedClock()
const narrow = { id: 'narrow', organizations: [24] }
const scopeless = { id: 'scopeless', scopes: ['organizations:read'] as const }
const limited = { id: 'limited', requestsPerMinute: 4 }

const list = '/v1/organizations/6/operators'
const routes = [
  list,
  `${list}?status=active&sort=name,-id&fields=name`,
  `${list}?status=active&status=deleted&sort=name&sort=-id&fields=name&fields=status`,
  `${list}?q=operator&limit=2`,
  `${list}/1`,
  '/v1/organizations/6/statistics',
  '/api/operator?organizationId=6',
]

let gateway: TestGateway
let atExpress = 0
beforeAll(async () => {
  gateway = await startGateway({ clock, clients: [narrow, scopeless, limited] })
  countExpress(gateway)
  for (let id = 0; id < 30; id++) gateway.simulator.addOperator(6, `Operator number ${id} of thirty`)
})
afterAll(() => gateway.close())
beforeEach(() => fresh())

/** Express keeps the URL of each request that it takes under this name; replay does not. */
const countExpress = ({ gateway: { server } }: TestGateway): void => {
  server.prependListener('request', (req: { originalUrl?: string }) => {
    let kept: string | undefined
    Object.defineProperty(req, 'originalUrl', {
      configurable: true,
      get: () => kept,
      set: (url: string) => {
        if (kept === undefined) atExpress++
        kept = url
      },
    })
  })
}

type Options = { method?: string; headers?: Record<string, string>; key?: string }
const ask = (path: string, { key = gateway.key, headers, method = 'GET' }: Options = {}): Promise<Raw> =>
  raw(gateway, path, { method, headers: { 'X-API-Key': key, ...headers } })
const byExpress = (path: string, options: Options = {}) =>
  ask(path, { ...options, headers: { ...options.headers, ...express } })

/** All that a caller is told; ids differ by nature, and a second may pass between two answers. */
const told = ({ status, headers, body }: Raw) => {
  const text = body
    .toString('latin1')
    .replaceAll(headers['x-request-id'] ?? '', '<id>')
    .replaceAll(/urn:uuid:[\w-]+/g, '<id>')
  return { status, headers: withoutTime(headers), text }
}

/** Asks each router once; says how many of the two requests came to Express: 1 when replay took the other. */
const both = async (path: string, options: Options = {}) => {
  const before = atExpress
  const first = told(await byExpress(path, options))
  const second = told(await ask(path, options))
  return { first, second, byExpress: atExpress - before }
}

/** Loads the list anew and lets every route be learned. */
const fresh = async (): Promise<void> => {
  await ask(list, { headers: { 'Cache-Control': 'no-cache' } })
  for (const route of routes) await byExpress(route)
}

const expectSame = async (path: string, options: Options, status: number, replayed = true) => {
  const { first, second, byExpress: came } = await both(path, options)
  expect([path, options, second]).toEqual([path, options, first])
  expect([path, options, first.status, came]).toEqual([path, options, status, replayed ? 1 : 2])
}

it('a URL that is too long for the table is left to Express', async () => {
  const long = `${list}?q=${'a'.repeat(300)}&name=${'b'.repeat(300)}`
  await byExpress(long)
  await expectSame(long, {}, 200, false)
})

describe.each(routes)('%s answered before Express is answered as Express does', (route) => {
  it('for GET and HEAD, byte by byte and header by header', async () => {
    await expectSame(route, {}, 200)
    await expectSame(route, { method: 'HEAD' }, 200)
  })

  it('for a client that says that its body has no bytes', async () => {
    await expectSame(route, { headers: { 'Content-Length': '0' } }, 200)
  })

  it('for a matching validator, another one, and `*`', async () => {
    const { etag } = (await byExpress(route)).headers as { etag: string }
    for (const condition of [etag, `W/${etag}`, `"x", ${etag}`, '*'])
      await expectSame(route, { headers: { 'If-None-Match': condition } }, 304)
    await expectSame(route, { method: 'HEAD', headers: { 'If-None-Match': etag } }, 304)
    await expectSame(route, { headers: { 'If-None-Match': '"other"' } }, 200)
  })

  it('in every coding', async () => {
    for (const coding of ['gzip', 'br', 'gzip, deflate, br', 'br;q=0.1, gzip;q=0.9', 'identity', '*']) {
      const headers = { 'Accept-Encoding': coding }
      // Compressed forms are made behind: once they are there they stay.
      const packed =
        Number((await byExpress(route)).headers['content-length']) >= 860 && coding !== 'identity'
      for (let tries = 0; packed && tries < 200; tries++)
        if ((await byExpress(route, { headers })).headers['content-encoding']) break
      await expectSame(route, { headers }, 200)
    }
  })

  it('with every media type that Accept asks for, and refused without an acceptable one', async () => {
    const dropIn = route.startsWith('/api')
    await expectSame(route, { headers: { Accept: 'application/json, text/plain;q=0.5' } }, 200)
    await expectSame(route, { headers: { Accept: 'text/plain' } }, dropIn ? 200 : 406, dropIn)
    await expectSame(route, { headers: { Accept: 'image/png' } }, 406, false)
  })

  it('to callers without key, scope or organization: the same refusals', async () => {
    await expectSame(route, { key: 'k'.repeat(40) }, 401, false)
    await expectSame(route, { key: gateway.keys['scopeless'] as string }, 403, false)
    await expectSame(route, { key: gateway.keys['narrow'] as string }, 404, false)
    await expectSame(route, { headers: { Authorization: 'Bearer other' } }, 400, false)
  })

  it('with the same report, log line and numbers', async () => {
    const trace = async (how: typeof ask) => {
      const [reports, lines] = [gateway.reports.length, gateway.logged().length]
      const { headers } = await how(route)
      const logged = gateway.logged().slice(lines).trim().split('\n')
      const shown = logged.map((line) => ({ ...JSON.parse(line), time: 0, ms: 0 }))
      // Reads of lists are reported together, once in a while.
      const reported = gateway.reports.slice(reports).filter(({ name }) => name !== 'cache')
      return { reported, shown, id: headers['x-request-id'] }
    }
    const [first, second] = [await trace(byExpress), await trace(ask)]
    expect(second.reported).toEqual(first.reported)
    expect(second.shown).toEqual(first.shown.map((line) => ({ ...line, requestId: second.id })))
    expect(first.shown).toMatchObject([{ requestId: first.id, client: 'all', cache: 'hit', status: 200 }])
    const count = async () => {
      const { text } = await gateway.ask('GET', '/metrics')
      const rows = text.match(/^http_server_request_duration_seconds_count\{.*$/gm) ?? []
      return new Map(rows.map((row) => [row.slice(0, row.lastIndexOf(' ')), Number(row.split(' ').at(-1))]))
    }
    const grown = async (how: typeof ask) => {
      const before = await count()
      await how(route)
      return [...(await count())]
        .filter(([name, value]) => value !== before.get(name) && !name.includes('/metrics'))
        .map(([name, value]) => [name, value - (before.get(name) ?? 0)])
    }
    expect(await grown(ask)).toEqual(await grown(byExpress))
    expect(await grown(ask)).toHaveLength(1)
  })
})

describe('the fast path', () => {
  it('takes a token from the same bucket, and leaves the refusal to Express', async () => {
    const key = gateway.keys['limited'] as string
    const statuses: number[] = []
    for (const how of [byExpress, ask, ask, byExpress, ask, byExpress])
      statuses.push((await how(list, { key })).status)
    expect(statuses).toEqual([200, 200, 200, 200, 429, 429])
    clock.jump(15_000)
    await ask('/v1/me') // the list is 15 s old; still fresh
    expect((await ask(list, { key })).status).toBe(200)
    await expectSame(list, { key }, 429, false)
  })

  it('counts a request once when Express has to answer it', async () => {
    const key = gateway.keys['limited'] as string
    clock.jump(60_000)
    const statuses: number[] = []
    for (let i = 0; i < 5; i++) {
      statuses.push((await ask(list, { key })).status)
      clock.jump(0.001)
    }
    expect(statuses).toEqual([200, 200, 200, 200, 429])
  })

  it('leaves a list that is not fresh to Express', async () => {
    clock.jump(61_000)
    const before = atExpress
    const { headers } = await ask(list)
    expect([atExpress - before, headers['cache-status']]).toEqual([1, expect.stringMatching(/hit; ttl=-/)])
  })

  it('never answers with a list that a purge or a write invalidated', async () => {
    const before = await ask(list)
    gateway.simulator.changeOperator(1, { name: 'Renamed' })
    await gateway.ask('POST', '/v1/cache:purge', { body: { organization: 6 } })
    const renamed = await ask(list)
    expect(renamed.body.toString()).toContain('Renamed')
    expect(renamed.headers['etag']).not.toBe(before.headers['etag'])
    await fresh()
    await gateway.ask('PATCH', '/v1/organizations/6/operators/1', { body: { status: 'inactive' } })
    for (const route of routes) await expectSame(route, {}, 200)
    expect(JSON.parse((await ask(`${list}/1`)).body.toString())).toMatchObject({ status: 'inactive' })
    await gateway.ask('PATCH', '/v1/organizations/6/operators/1', { body: { status: 'active' } })
  })

  it('answers for a removed operator what Express answers', async () => {
    const { id } = gateway.simulator.addOperator(6, 'Passing Through')
    await fresh()
    expect((await byExpress(`${list}/${id}`)).status).toBe(200)
    await expectSame(`${list}/${id}`, {}, 200)
    const rows = gateway.simulator.operators(6).filter((row) => row.id !== id)
    gateway.simulator.setOperators(6, rows)
    await fresh()
    await expectSame(`${list}/${id}`, {}, 404, false)
  })

  it.each([
    ['Cookie', 'a=b'],
    ['Origin', 'https://elsewhere.example'],
    ['Range', 'bytes=0-1'],
    ['Cache-Control', 'no-store'],
    ['If-Match', '"x"'],
    ['Transfer-Encoding', 'chunked'],
  ])('leaves a request with %s to Express', async (name, value) => {
    const before = atExpress
    await ask(list, { headers: { [name]: value } })
    expect(atExpress - before).toBe(1)
  })

  it('lets a request wait whose credential cannot be checked, and the process goes on', async () => {
    const unhandled: unknown[] = []
    const note = (error: unknown): void => void unhandled.push(error)
    process.on('unhandledRejection', note)
    const fastPath = createFastPath({
      authenticate: () => Promise.reject(new Failure('credential.unverifiable')),
      limit: { take: () => {} } as unknown as ClientLimit,
      responseBatcher: {} as ResponseBatcher,
    })
    fastPath.remember(list, endpoints.listOperators, () => undefined)
    const req = { method: 'GET', url: list, headers: {}, requestContext: {} } as unknown as IncomingMessage
    expect(fastPath.answer(req, {} as ServerResponse)).toBe(false)
    // Nobody awaits it in this turn, nor in the next one.
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    process.off('unhandledRejection', note)
    expect(unhandled).toEqual([])
    await expect(req.requestContext.pendingCaller).rejects.toThrow('credential.unverifiable')
  })

  it('refuses a revoked key at once', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'replay-'))
    const path = join(folder, 'keys.json')
    const write = (...keys: string[]) =>
      writeFileSync(
        path,
        JSON.stringify({
          clients: keys.map((key) => ({
            id: 'one',
            keyHash: hashKey(key),
            scopes: ['operators:read'],
            organizations: '*',
          })),
        }),
      )
    const [kept, revoked] = ['k'.repeat(40), 'r'.repeat(40)]
    write(kept, revoked)
    const own = await startGateway({ env: { API_KEYS: '', API_KEYS_FILE: path } })
    try {
      const get = (key: string) => raw(own, list, { headers: { 'X-API-Key': key } })
      for (let i = 0; i < 3; i++) expect((await get(revoked)).status).toBe(200)
      write(kept)
      await until(() => own.reports.some(({ name }) => name === 'secret-file'))
      expect([(await get(revoked)).status, (await get(kept)).status]).toEqual([401, 200])
    } finally {
      await own.close()
      rmSync(folder, { recursive: true })
    }
  })
})
