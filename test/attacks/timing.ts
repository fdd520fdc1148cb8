import { connect } from 'node:net'
import { join } from 'node:path'
import { makeKey } from '../../src/access/keys.ts'
import { createSimulator } from '../../src/apps/simulator/simulator.ts'
import { scopes } from '../../src/contract/scopes.ts'
import { cookieName } from '../http/browser-session.ts'
import { createCompany, operators, organizations } from '../rights/company.ts'
import { createConnection, type Sent } from '../rights/connection.ts'
import { openWorld } from '../rights/world.ts'
import { newSeed, randomOf } from '../support/long.ts'
import { spawnReady } from '../support/processes.ts'
import { startRedis } from '../support/redis.ts'

export const question = 'Does the time of a refusal tell what its text does not?'

/** Requests of each side of a pair. `PAIRS` selects pairs by their name. */
const samples = Number(process.env['SAMPLES'] ?? 3000)
/** Of the confidence interval: three of a thousand intervals miss the true median. */
const z = 2.97

type Pair = { name: string; sides: [Sent, Sent] }

/**
 * The median of paired differences with a distribution-free interval: order statistics, as in the sign test.
 */
const medianOf = (differences: number[]) => {
  const sorted = differences.toSorted((a, b) => a - b)
  const reach = (z * Math.sqrt(sorted.length)) / 2
  const at = (place: number): number =>
    sorted[Math.min(sorted.length - 1, Math.max(0, Math.round(place)))] as number
  const middle = sorted.length / 2
  return { median: at(middle), low: at(middle - reach), high: at(middle + reach) }
}
const micro = (ns: number): string => (ns / 1000).toFixed(1)

/** What differs only in what a caller must not learn. */
const pairsOf = async (world: Awaited<ReturnType<typeof openWorld>>): Promise<Pair[]> => {
  const all = world.holders.find(({ name }) => name === 'all')
  const none = world.holders.find(({ name }) => name === 'none')
  if (!all || !none) throw new Error('no holder')
  const key = all.headersOf('key', false)
  const session = all.headersOf('session', false)
  const request = (method: string, path: string, body?: unknown, headers = key): Sent => ({
    method,
    path,
    headers: { ...headers, ...(body !== undefined && { 'Content-Type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const pair = (name: string, of: (side: 0 | 1) => Sent): Pair => ({ name, sides: [of(0), of(1)] })
  const org = [organizations.foreign, organizations.unknown] as const
  const op = [operators.foreign, operators.unknown] as const
  const subject = (name: string) =>
    [world.subjects[name]?.foreign?.(), world.subjects[name]?.unknown?.()] as [string, string]
  const [operation, token, ticket] = [subject('operation'), subject('token'), subject('ticket')]
  const real = key['X-API-Key'] as string
  const altered = (at: number): string => {
    const cookie = session['Cookie'] as string
    const place = at === 0 ? cookieName.length + 1 : cookie.length - 1
    return cookie.slice(0, place) + (cookie[place] === 'A' ? 'B' : 'A') + cookie.slice(place + 1)
  }
  const me = (headers: Record<string, string>) => request('GET', '/v1/upstream', undefined, headers)
  const expiresAt = new Date(Date.now() + 3_600_000).toISOString()
  const own = `/v1/organizations/${organizations.own}`
  const list = (side: 0 | 1) => `/v1/organizations/${org[side]}/operators`
  return [
    // The noise floor: both sides are the same.
    pair('control: twice the same', () => request('GET', list(1))),
    pair('key: unknown, and one that differs from a listed one in its last character', (side) =>
      me({ 'X-API-Key': side ? real.slice(0, -1) + (real.endsWith('A') ? 'B' : 'A') : makeKey('desk') }),
    ),
    pair('key: unknown, and one that differs in its first random character', (side) =>
      me({ 'X-API-Key': side ? real.replace(/(cgw_desk_)./, '$1-') : makeKey('desk') }),
    ),
    pair('key: unknown (401), and listed without the scope (403)', (side) =>
      me(side ? none.headersOf('key', false) : { 'X-API-Key': makeKey('desk') }),
    ),
    pair('login: unknown client, and a client with a wrong key', (side) =>
      request(
        'POST',
        '/api/company/get-token',
        { login: side ? 'desk' : 'mesk', password: makeKey('desk') },
        {},
      ),
    ),
    pair('session: tampered at the first, and at the last byte', (side) =>
      request('GET', '/v1/me', undefined, { ...session, Cookie: altered(side) }),
    ),
    pair('session: unknown, and tampered', (side) =>
      request('GET', '/v1/me', undefined, {
        ...session,
        Cookie: side ? altered(1) : `${cookieName}=${'n'.repeat(43)}`,
      }),
    ),
    pair('ticket: used, and unknown', (side) =>
      request('POST', '/v1/session', { ticket: ticket[side] }, { Origin: session['Origin'] as string }),
    ),
    pair('organization: GET list', (side) => request('GET', list(side))),
    pair('organization: GET diagnosis', (side) => request('GET', `/v1/organizations/${org[side]}/diagnosis`)),
    pair('organization: add', (side) => request('POST', list(side), { operators: [{ name: 'A' }] })),
    pair('organization: drop-in list', (side) => request('GET', `/api/operator?organizationId=${org[side]}`)),
    pair('organization: drop-in add', (side) =>
      request('POST', '/api/operator/synchronize', [{ organizationId: org[side], name: 'A' }]),
    ),
    pair('organization: purge', (side) => request('POST', '/v1/cache:purge', { organization: org[side] })),
    pair('organization: search', (side) => request('GET', `/v1/operators?organizations=${org[side]}`)),
    pair('organization: audit log', (side) => request('GET', `/v1/audit?organizations=${org[side]}`)),
    pair('organization: operations', (side) => request('GET', `/v1/operations?organization=${org[side]}`)),
    pair('operator: GET without its organization', (side) => request('GET', `/v1/operators/${op[side]}`)),
    pair('operator: GET in an own organization', (side) => request('GET', `${own}/operators/${op[side]}`)),
    pair('operator: token', (side) => request('POST', `${own}/operators/${op[side]}/tokens`, {})),
    pair('operator: drop-in status', (side) =>
      request('POST', '/api/operator/status', { id: op[side], status: 1 }),
    ),
    pair('operator: drop-in token', (side) =>
      request('POST', '/api/operator/get-token', { id: op[side], expiresAt }),
    ),
    pair('operator token: validate', (side) =>
      request('POST', '/v1/tokens:validate', { token: token[side] }),
    ),
    pair('operator token: drop-in validate', (side) =>
      request('POST', '/api/operator/validate-token', { token: token[side] }),
    ),
    pair('operation: of a foreign organization, and unknown there', (side) =>
      request(
        'GET',
        `/v1/operations/${side ? operation[1].replace(`${organizations.own}`, `${organizations.foreign}`) : operation[0]}`,
      ),
    ),
  ]
}

const measure = async (dist: string, seed: number, redisUrl: string | undefined) => {
  const simulator = await createSimulator()
  const company = await createCompany([[], [...scopes]])
  company.seed(simulator)
  const gateway = await spawnReady(process.execPath, [join(dist, 'main.js')], {
    PORT: '0',
    CHATHUB_BASE_URL: simulator.url,
    CHATHUB_COMPANY_TOKEN: 'ct_demo-company-token',
    LOG_LEVEL: 'error',
    ...company.env,
    ...(redisUrl && { REDIS_URL: redisUrl }),
  })
  if (redisUrl) while (!(await (await fetch(`${gateway.url}/readyz`)).text()).includes('"redis":"ready"'));
  const port = Number(new URL(gateway.url).port)
  const connection = createConnection(() => connect({ port, host: '127.0.0.1', noDelay: true }))
  const asked = new RegExp(process.env['PAIRS'] ?? '')
  const pairs = (await pairsOf(await openWorld(connection, company))).filter(({ name }) => asked.test(name))
  const time = async (sent: Sent): Promise<number> => {
    const begun = process.hrtime.bigint()
    await connection.ask(sent)
    return Number(process.hrtime.bigint() - begun)
  }
  const random = randomOf(seed)
  const differences = pairs.map((): number[] => [])
  const typical = pairs.map((): number[] => [])
  const warm = 200
  // All pairs in turn in random order, and the two sides of each in random order, so that noise meets all alike.
  for (let round = -warm; round < samples; round++) {
    const order = pairs.map((_, i) => ({ i, by: random() })).toSorted((a, b) => a.by - b.by)
    for (const { i } of order) {
      const { sides } = pairs[i] as Pair
      const first = random() < 0.5 ? 0 : 1
      const times: [number, number] = [0, 0]
      times[first] = await time(sides[first])
      times[1 - first] = await time(sides[1 - first] as Sent)
      if (round < 0) continue
      differences[i]?.push(times[0] - times[1])
      typical[i]?.push(times[0])
    }
  }
  connection.close()
  await gateway.stop()
  await simulator.close()
  await company.close()
  return pairs.map(({ name }, i) => {
    const { median, low, high } = medianOf(differences[i] as number[])
    const isReal = low > 0 || high < 0
    return {
      figure: `${redisUrl ? 'Redis' : 'memory'} · ${name}`,
      'one side, µs': micro(medianOf(typical[i] as number[]).median),
      'difference, µs': micro(median),
      interval: `${micro(low)} … ${micro(high)}`,
      'can be told apart': isReal ? 'yes' : 'no',
    }
  })
}

export const run = async ({ dist, say }: { dist: string; say(text: string): void }) => {
  const seed = newSeed('timing')
  say(`seed ${seed}, ${samples} pairs each; intervals of 99.7 %`)
  const rows = await measure(dist, seed, undefined)
  const redis = await startRedis()
  const withRedis = await measure(dist, seed, redis.url)
  await redis.stop()
  return [...rows, ...withRedis]
}
