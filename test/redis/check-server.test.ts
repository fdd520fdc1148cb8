import { afterEach, expect, it } from '@jest/globals'
import { createRedis } from '../../src/redis/redis.ts'
import { endWhatIsLeft, startBeside } from '../failure/faulty-redis.ts'
import { createClock } from '../support/clock.ts'
import { describeWithRedisServer } from '../support/needs.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

type Seen = { commands: Set<string>; families: Set<string>; channels: Set<string> }

/** What Redis was asked, in scripts too: commands, the beginnings of keys, and channels that are published to. */
const watch = async (server: TestRedis): Promise<{ seen: Seen; stop(): void }> => {
  const seen: Seen = { commands: new Set(), families: new Set(), channels: new Set() }
  const monitor = await server.client().monitor()
  monitor.on('monitor', (_time: string, [given = '', ...args]: string[]) => {
    const name = given.toUpperCase()
    seen.commands.add(name)
    const text = args.find((word) => word.startsWith('chathub:'))?.slice('chathub:'.length)
    if (text === undefined || name.startsWith('SUB')) return
    if (name === 'PUBLISH') seen.channels.add(text.replace(/:[0-9a-f]{12}$/, ':check'))
    else seen.families.add((/^[^:]*:/.exec(text)?.[0] ?? text).replace('{check}', ''))
  })
  return { seen, stop: () => monitor.disconnect() }
}

let redis: TestRedis
afterEach(async () => {
  await endWhatIsLeft()
  await redis.stop()
})

describeWithRedisServer('the check of the server', () => {
  it('tries every command, family of keys and channel that the work uses', async () => {
    redis = await startRedis({})
    const check = await watch(redis)
    const alone = createRedis({
      ...redis,
      prefix: 'chathub:',
      clock: createClock(),
      commandMs: 50,
      report: () => {},
    })
    await until(() => alone.state() === 'ready')
    // What was asked before this is seen before it.
    await redis.client().echo('checked')
    await until(() => check.seen.commands.has('ECHO'))
    check.seen.commands.delete('ECHO')
    check.stop()
    alone.close()

    const work = await watch(redis)
    const gateway = await startBeside(redis.url, {
      env: {
        ...{ SESSION_SECRET: 'x'.repeat(40), CORS_ORIGINS: 'https://crm.example.com' },
        ...{ TOKEN_ENCRYPTION_SECRET: 'x'.repeat(40), WEBHOOK_PRIVATE_HOSTS: '127.0.0.1:1=127.0.0.1' },
      },
    })
    await gateway.isTrusted()
    const json = async (method: string, path: string, body?: unknown, headers = {}) => {
      const {
        status,
        body: given,
        headers: got,
      } = await gateway.ask(method, path, { headers, ...(body !== undefined && { body }) })
      return { status, given, location: got['location'] as string }
    }
    const list = '/v1/organizations/24/operators'
    const key = { 'Idempotency-Key': 'tour-1' }
    const added = { operators: [{ name: 'Alex Brown' }] }
    expect((await json('POST', list, added, key)).status).toBe(201)
    expect((await json('POST', list, added, key)).status).toBe(201)
    expect((await json('PATCH', `${list}/101`, { status: 'inactive' })).status).toBe(200)
    expect((await json('GET', `${list}/101`)).status).toBe(200)
    const chats = '/v1/organizations/24/assignments'
    expect((await json('POST', chats, { chatId: 7 })).status).toBeLessThan(300)
    expect((await json('GET', `${chats}/7`)).status).toBe(200)
    expect((await json('DELETE', `${chats}/7`)).status).toBe(204)
    const login = { login: 'all', password: gateway.key }
    expect((await json('POST', '/api/company/get-token', login)).status).toBe(200)
    const origin = 'https://crm.example.com'
    const grant = { organizations: [24], scopes: ['operators:read'], origin, ttlSeconds: 600, subject: 'a' }
    const { given: minted } = await json('POST', '/v1/sessions', grant)
    const opening = { key: '', headers: { Origin: origin }, body: { ticket: minted.ticket } }
    const opened = await gateway.ask('POST', '/v1/session', opening)
    const [, session] = /=([^;]+)/.exec(String(opened.headers['set-cookie'])) ?? []
    const cookie = { Cookie: `__Host-chathub-session=${session}`, 'X-Gateway-Session': '1', Origin: origin }
    for (const method of ['GET', 'DELETE'])
      expect((await gateway.ask(method, '/v1/session', { key: '', headers: cookie })).status).toBeLessThan(
        300,
      )
    expect((await json('DELETE', '/v1/sessions?subject=a')).status).toBe(204)
    expect((await json('GET', '/v1/clients')).status).toBe(200)
    expect((await json('GET', '/v1/operators/101')).status).toBe(200)
    const rows = Array.from({ length: 250 }, (_, i) => `Row ${i}`).join('\n')
    const imported = await json('POST', '/v1/organizations/6/imports', `name\n${rows}`, {
      'Content-Type': 'text/csv',
    })
    expect(imported.status).toBe(202)
    await until(async () => (await json('GET', imported.location)).given.state === 'done')
    expect((await json('GET', `${imported.location}/rows`)).status).toBe(200)
    await json('POST', `${imported.location}:cancel`, {})
    await json('POST', `${imported.location}:retry`, {})
    expect((await json('POST', '/v1/cache:purge', {})).status).toBe(204)
    const { given: hook } = await json('POST', '/v1/webhooks', { url: 'http://127.0.0.1:1/' })
    for (const verb of ['replay', 'rotateSecret'])
      expect((await json('POST', `/v1/webhooks/${hook.id}:${verb}`, {})).status).toBe(200)
    expect((await json('DELETE', `/v1/webhooks/${hook.id}`)).status).toBe(204)
    await gateway.close()
    work.stop()

    const missing = (what: keyof Seen): string[] =>
      [...work.seen[what]].filter((one) => !check.seen[what].has(one))
    // SUBSCRIBE is tried by the subscriptions themselves.
    const ofConnections = ['SUBSCRIBE']
    expect(missing('commands').filter((name) => !ofConnections.includes(name))).toEqual([])
    expect(missing('families')).toEqual([])
    expect(missing('channels')).toEqual([])
    expect(work.seen.commands.size).toBeGreaterThan(25)
    expect(work.seen.families.size).toBeGreaterThan(4)
  })
})
