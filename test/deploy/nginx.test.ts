import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { asPage, idIn, sessionEnv } from '../http/browser-session.ts'
import { readEvents } from '../http/event-reader.ts'
import { stopChild, track } from '../support/children.ts'
import { freePort } from '../support/free-port.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { describeWith, describeWithRedis } from '../support/needs.ts'
import { openRedis, type TestDatabase } from '../support/redis.ts'
import { until } from '../support/until.ts'

const conf = readFileSync(new URL('../../deploy/nginx/nginx.conf', import.meta.url), 'utf8')
const operators = '/v1/organizations/24/operators'
const MiB = 1024 * 1024

const title = 'deploy/nginx/nginx.conf in a real nginx, before two gateways'
describeWith('nginx', title, ({ command, env }) =>
  describeWithRedis('on one Redis', () => {
    const folder = mkdtempSync(join(tmpdir(), 'nginx-'))
    let redis: TestDatabase
    let gateways: [TestGateway, TestGateway]
    let url: string
    let stop = async (): Promise<void> => {}
    let said = ''

    beforeAll(async () => {
      redis = await openRedis()
      const settings = {
        ...sessionEnv,
        ...{ REDIS_URL: redis.url, REDIS_PREFIX: redis.prefix, GATEWAY_INSTANCES: '2' },
        ...{ TRUST_PROXY: '127.0.0.0/8', ANONYMOUS_REQUESTS_PER_MINUTE: '3' },
      }
      const first = await startGateway({ env: settings })
      gateways = [first, await startGateway({ env: settings, beside: first })]
      const port = await freePort()
      url = `http://127.0.0.1:${port}`
      const hosts = gateways.map((gateway) => new URL(gateway.url).host)
      // Only addresses and folders are others than in a container.
      const file = conf
        .replace('listen 8080;', `listen 127.0.0.1:${port};`)
        .replace('gateway-1:8080', hosts[0] as string)
        .replace('gateway-2:8080', hosts[1] as string)
        .replaceAll('/tmp/', `${folder}/`)
      writeFileSync(join(folder, 'nginx.conf'), file)
      const user = process.getuid?.() === 0 ? ' user root;' : ''
      const args = [
        '-e',
        'stderr',
        '-p',
        folder,
        '-c',
        join(folder, 'nginx.conf'),
        '-g',
        `daemon off;${user}`,
      ]
      const child = spawn(command, args, {
        env: { ...process.env, ...env },
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      child.stderr.on('data', (data) => (said += data))
      void track(child)
      stop = () => stopChild(child)
      await until(async () => {
        if (said.includes('[emerg]')) throw new Error(said)
        return fetch(url).then(
          () => true,
          () => false,
        )
      })
    })
    afterAll(async () => {
      await stop()
      // The second one shares the simulator of the first.
      for (const gateway of gateways.toReversed()) await gateway.close()
      await redis.stop()
      rmSync(folder, { recursive: true })
    })

    const asked = (
      path: string,
      { headers = {}, ...init }: RequestInit & { headers?: Record<string, string> } = {},
    ) => fetch(url + path, { ...init, headers: { 'X-API-Key': gateways[0].key, ...headers } })
    const problemOf = async (answer: Response) => [
      answer.status,
      answer.headers.get('content-type')?.split(';')[0],
      ((await answer.json()) as { code: string }).code,
    ]
    const problem = 'application/problem+json'

    it('passes a cached list on as the gateway made it', async () => {
      for (const gateway of gateways) await gateway.ask('GET', operators)
      const own = await gateways[0].ask('GET', operators)
      const answer = await asked(operators)
      expect(answer.status).toBe(200)
      expect(await answer.json()).toEqual(own.body)
      for (const name of ['vary', 'cache-control', 'x-content-type-options'])
        expect([name, answer.headers.get(name)]).toEqual([name, own.headers[name]])
      expect(answer.headers.get('cache-status')).toMatch(/^chathub-gateway; hit; ttl=\d+$/)
      const again = await asked(operators, {
        headers: { 'If-None-Match': answer.headers.get('etag') as string },
      })
      expect(again.status).toBe(304)
      expect(answer.headers.get('server')).toBe('nginx')
    })

    it('hands each event on at once', async () => {
      const reader = await readEvents(`${url}/v1/events?organizations=24`, { 'X-API-Key': gateways[0].key })
      await reader.begun()
      const headers = { 'Content-Type': 'application/json' }
      await asked(`${operators}/101`, { method: 'PATCH', body: '{"status":"inactive"}', headers })
      await reader.has({ type: 'operator.statusChanged' })
      reader.close()
    })

    it('carries the largest file of an import, and lets the gateway refuse a larger one', async () => {
      const fileOf = (bytes: number): string => {
        const rows = Array.from({ length: 1000 }, (_, number) => `Olena ${number},`)
        const left = bytes - 'name,note\n'.length - rows.join('\n').length
        return `name,note\n${rows.join('\n')}${'x'.repeat(left)}`
      }
      const send = (body: string) =>
        asked('/v1/organizations/24/imports?dryRun=true', {
          ...{ method: 'POST', body, headers: { 'Content-Type': 'text/csv' } },
        })
      const answer = await send(fileOf(8 * MiB))
      expect([answer.status, (await answer.json()) as unknown]).toEqual([
        200,
        expect.objectContaining({ total: 1000 }),
      ])
      for (const bytes of [8 * MiB + 1, 20 * MiB])
        expect(await problemOf(await send(fileOf(bytes)))).toEqual([413, problem, 'body.too-large'])
    })

    it('brings a refusal back that comes before the body is sent', async () => {
      for (let turn = 0; turn < 10; turn++) {
        const headers = { 'Content-Type': 'text/csv', 'X-API-Key': 'x'.repeat(40) }
        const answer = await asked('/v1/organizations/24/imports', {
          method: 'POST',
          body: 'x'.repeat(4 * MiB),
          headers,
        })
        expect(await problemOf(answer)).toEqual([401, problem, 'credential.invalid'])
      }
    })

    it('tells the gateways the address of the client, which no client can choose', async () => {
      /** A request without a credential; so many of one address are allowed a minute. */
      const login = (localAddress: string, forged: string) =>
        new Promise((resolve, reject) => {
          const headers = { 'Content-Type': 'application/json', 'X-Forwarded-For': forged }
          const path = `${url}/api/company/get-token`
          http
            .request(path, { method: 'POST', localAddress, headers, agent: false }, (answer) => {
              answer.resume()
              resolve(answer.statusCode)
            })
            .on('error', reject)
            .end('{"login":"a","password":"b"}')
        })
      const statuses: unknown[] = []
      for (let turn = 0; turn < 10; turn++) statuses.push(await login('127.0.0.2', `203.0.113.${turn}`))
      expect(statuses.slice(0, 3)).toEqual([401, 401, 401])
      // Each of the two gateways allows three.
      expect(statuses.slice(6)).toEqual([429, 429, 429, 429])
      expect(await login('127.0.0.3', '127.0.0.2')).toBe(401)
    })

    it('shows the gateways the origin that browsers see: the console and its sessions work', async () => {
      const page = await fetch(`${url}/console/`)
      expect([page.status, page.headers.get('content-security-policy')]).toEqual([
        200,
        expect.stringContaining('script-src'),
      ])
      const rights = { organizations: [24], scopes: ['operators:read'], origin: url }
      const minted = await gateways[0].ask('POST', '/v1/sessions', { body: rights })
      const opened = await fetch(`${url}/v1/session`, {
        method: 'POST',
        body: JSON.stringify({ ticket: minted.body.ticket }),
        headers: { 'Content-Type': 'application/json', Origin: url },
      })
      expect(opened.status).toBe(204)
      const { headers = {} } = asPage(
        idIn({ headers: { 'set-cookie': opened.headers.getSetCookie() } } as never),
      )
      // A read of the page itself has no Origin, so the gateway compares with what it takes for its own.
      const forged = { 'X-Forwarded-Host': 'evil.example', 'X-Forwarded-Proto': 'https' }
      const { Origin: _, ...read }: Record<string, string> = { ...headers, ...forged }
      const own = { ...read, 'Sec-Fetch-Site': 'same-origin' }
      for (let turn = 0; turn < 4; turn++)
        expect((await fetch(url + operators, { headers: own })).status).toBe(200)
    })

    it('goes on with the other gateway when one is gone, and then says that there is none', async () => {
      const { gateway } = gateways[1]
      await new Promise((resolve) => {
        gateway.server.close(resolve)
        gateway.server.closeAllConnections()
      })
      for (let turn = 0; turn < 10; turn++) {
        expect((await asked(operators)).status).toBe(200)
        const added = await asked(operators, {
          ...{ method: 'POST', body: JSON.stringify({ operators: [{ name: `Olena ${turn}` }] }) },
          headers: { 'Content-Type': 'application/json' },
        })
        expect(added.status).toBe(201)
      }
      const { server } = gateways[0].gateway
      await new Promise((resolve) => {
        server.close(resolve)
        server.closeAllConnections()
      })
      const answer = await asked(operators)
      expect(answer.headers.get('retry-after')).toBe('2')
      expect(await problemOf(answer)).toEqual([503, problem, 'balancer.no-gateway'])
    })
  }),
)
