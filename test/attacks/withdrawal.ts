import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { hashKey, makeKey } from '../../src/access/keys.ts'
import { createSimulator } from '../../src/apps/simulator/simulator.ts'
import { scopes } from '../../src/contract/scopes.ts'
import { cookieName, page } from '../http/browser-session.ts'
import { type Running, spawnReady } from '../support/processes.ts'
import { startRedis } from '../support/redis.ts'

export const question =
  'For how long do requests and open streams go on at another instance after their right was withdrawn?'

const rounds = 10
const cases = [
  'key revoked',
  'organization withdrawn from the key',
  'gateway token, its key revoked',
  'session, logged out at the other instance',
  'session, organization withdrawn from the key of its minter',
  'session, scope withdrawn from the key of its minter',
] as const
type Headers = Record<string, string>
type Entry = { id: string; key: string; scopes: readonly string[]; organizations: number[] }

export const run = async ({ dist, say }: { dist: string; say(text: string): void }) => {
  const folder = mkdtempSync(join(tmpdir(), 'withdrawal-'))
  const redis = await startRedis()
  const simulator = await createSimulator()
  let entries: Entry[] = cases.flatMap((_, of) =>
    Array.from({ length: rounds }, (__, round) => {
      const id = `client-${of}-${round}`
      return { id, key: makeKey(id), scopes, organizations: [24, 6] }
    }),
  )
  entries.push({ id: 'other', key: makeKey('other'), scopes, organizations: [24] })
  const write = (): void => {
    const clients = entries.map(({ key, ...entry }) => ({
      ...entry,
      keyHash: hashKey(key),
      requestsPerMinute: 1_000_000,
    }))
    writeFileSync(join(folder, 'keys.json'), JSON.stringify({ clients }))
  }
  write()
  const start = () =>
    spawnReady(process.execPath, [join(dist, 'main.js')], {
      PORT: '0',
      CHATHUB_BASE_URL: simulator.url,
      CHATHUB_COMPANY_TOKEN: 'ct_demo-company-token',
      CHATHUB_REQUESTS_PER_SECOND: '1000',
      CHATHUB_TIMEOUT_MS: '60000',
      SESSION_SECRET: 'a-secret-of-at-least-32-characters',
      REDIS_URL: redis.url,
      REDIS_TIMEOUT_MS: '1000',
      LOG_LEVEL: 'error',
      API_KEYS_FILE: join(folder, 'keys.json'),
    })
  const [one, two] = [await start(), await start()] as [Running, Running]
  for (const { url } of [one, two])
    while (!(await (await fetch(`${url}/readyz`)).text()).includes('"redis":"ready"')) await sleep(50)

  const post = (instance: Running, path: string, headers: Headers, body: unknown) =>
    fetch(instance.url + path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
  const openSession = async (key: string): Promise<Headers> => {
    const grant = {
      organizations: [24],
      scopes: ['operators:read', 'operators:import'],
      origin: page,
      subject: 'anna',
    }
    const { ticket } = (await (await post(one, '/v1/sessions', { 'X-API-Key': key }, grant)).json()) as {
      ticket: string
    }
    const opened = await post(one, '/v1/session', { Origin: page }, { ticket })
    const id = String(opened.headers.get('set-cookie'))
      .slice(cookieName.length + 1)
      .split(';')[0]
    return { Cookie: `${cookieName}=${id}`, Origin: page, 'X-Gateway-Session': '1' }
  }
  /** Every import waits behind the one that ChatHub never answers, so each stream stays open. */
  const hold = simulator.hold('synchronize', 24)
  const openStream = async (headers: Headers): Promise<Response> => {
    const begin = () =>
      fetch(`${two.url}/v1/organizations/24/imports`, {
        method: 'POST',
        headers: { ...headers, 'Content-Type': 'text/csv' },
        body: 'name\nAnna',
      })
    let started = await begin()
    // On a busy machine Redis may be taken for away for a moment.
    while (started.status === 503) {
      await sleep(1000)
      started = await begin()
    }
    if (started.status !== 202) throw new Error(`${started.status} ${await started.text()}`)
    return fetch(`${two.url}${started.headers.get('location')}/events`, { headers })
  }
  const list = (headers: Headers) => fetch(`${two.url}/v1/organizations/24/operators`, { headers })

  const rows: Record<string, string | number>[] = []
  for (const [of, name] of cases.entries()) {
    const requests: number[] = []
    const streams: number[] = []
    for (let round = 0; round < rounds; round++) {
      const entry = entries.find(({ id }) => id === `client-${of}-${round}`) as Entry
      let headers: Headers = { 'X-API-Key': entry.key }
      if (name.startsWith('session')) headers = await openSession(entry.key)
      if (name.startsWith('gateway token')) {
        const login = await post(one, '/api/company/get-token', {}, { login: entry.id, password: entry.key })
        headers = { Authorization: `Bearer ${await login.json()}` }
      }
      const stream = await openStream(headers)
      if (stream.status !== 200) throw new Error(`stream ${stream.status}`)
      // Reads until the withdrawal are those of an ordinary page: they keep what the instance has looked up young.
      for (let read = 0; read < 3 + round; read++) {
        const before = await list(headers)
        if (before.status !== 200) throw new Error(`${name}: ${before.status} ${await before.text()}`)
        await before.arrayBuffer()
        await sleep(67)
      }
      const begunAt = performance.now()
      const passed = () => Math.round(performance.now() - begunAt)
      const ended = stream.text().then(passed, passed)
      const refused = (async () => {
        for (;;) {
          const answer = await list(headers)
          await answer.arrayBuffer()
          if (answer.status !== 200) return passed()
          await sleep(5)
        }
      })()
      if (name.includes('logged out')) await fetch(`${one.url}/v1/session`, { method: 'DELETE', headers })
      else if (name.includes('revoked')) entries = entries.filter((each) => each !== entry)
      else if (name.includes('organization')) entry.organizations = [6]
      else entry.scopes = scopes.filter((scope) => scope !== 'operators:read')
      write()
      // A stream of an operation needs no scope, so only the requests end.
      requests.push(await refused)
      if (!name.includes('scope')) streams.push(await ended)
      else await stream.body?.cancel().catch(() => {})
    }
    say(`${name}: requests ${requests.join(' ')}; streams ${streams.join(' ')}`)
    rows.push({ figure: `${name}: last request, ms`, now: Math.max(...requests), aim: '≤ 1000' })
    if (streams.length > 0)
      rows.push({ figure: `${name}: end of the stream, ms`, now: Math.max(...streams), aim: '≤ 1000' })
  }
  hold.release()
  await Promise.all([one.stop(), two.stop()])
  await simulator.close()
  await redis.stop()
  rmSync(folder, { recursive: true })
  return rows
}
