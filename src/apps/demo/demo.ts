import { hashKey, makeKey } from '../../access/keys.ts'
import { scopes } from '../../contract/scopes.ts'
import { run } from '../../main.ts'
import { createSimulator } from '../simulator/simulator.ts'

type Step = {
  title: string
  method?: string
  path: string
  body?: unknown
  check(status: number, body: never): boolean
  show(body: never): string
}

/** The main use case, one call after the other. Every answer is checked. */
const steps: Step[] = [
  {
    title: 'organizations',
    path: '/v1/organizations',
    check: (s, b: { total: number }) => s === 200 && b.total > 0,
    show: (b: { items: { name: string }[] }) => b.items.map(({ name }) => name).join(', '),
  },
  {
    title: 'list',
    path: '/v1/organizations/24/operators',
    check: (s, b: { total: number }) => s === 200 && b.total === 3,
    show: (b: { items: { name: string }[] }) => b.items.map(({ name }) => name).join(', '),
  },
  {
    title: 'filter: only active',
    path: '/v1/organizations/24/operators?status=active',
    check: (s, b: { total: number }) => s === 200 && b.total === 2,
    show: (b: { total: number }) => `${b.total} active`,
  },
  {
    title: 'find by name, ignoring case',
    path: '/v1/organizations/24/operators?name=SARAH%20johnson',
    check: (s, b: { items: { id: number }[] }) => s === 200 && b.items[0]?.id === 102,
    show: (b: { items: { id: number }[] }) => `id ${b.items[0]?.id}`,
  },
  {
    title: 'add two, one exists already',
    method: 'POST',
    path: '/v1/organizations/24/operators',
    body: { operators: [{ name: 'Alex Brown' }, { name: 'john smith' }] },
    check: (s, b: { created: number; exists: number }) => s === 201 && b.created === 1 && b.exists === 1,
    show: (b: { results: { name: string; outcome: string }[] }) =>
      b.results.map(({ name, outcome }) => `${name}: ${outcome}`).join(', '),
  },
  {
    title: 'deactivate',
    method: 'PATCH',
    path: '/v1/organizations/24/operators/104',
    body: { status: 'inactive' },
    check: (s, b: { status: string }) => s === 200 && b.status === 'inactive',
    show: (b: { name: string; status: string }) => `${b.name} is ${b.status}`,
  },
  {
    title: 'statistics',
    path: '/v1/organizations/24/statistics',
    check: (s, b: { total: number; inactive: number }) => s === 200 && b.total === 4 && b.inactive === 2,
    show: (b: object) => JSON.stringify(b),
  },
]

/** Read from the environment, so that a front end can be tried (examples/front-end). */
const browserSettings = ['SESSION_SECRET', 'SESSION_SAME_SITE', 'CORS_ORIGINS', 'TRUST_PROXY']

/** Starts gateway and simulator on loopback with a sample key. `once`: runs the main use case, checks it and exits. */
export const runDemo = async ({ once }: { once: boolean }): Promise<void> => {
  const simulator = await createSimulator()
  const key = makeKey('demo')
  const client = { id: 'demo', keyHash: hashKey(key), scopes, organizations: '*' }
  const { url } = await run({
    PORT: once ? '0' : process.env['PORT'] || '8080',
    CHATHUB_BASE_URL: simulator.url,
    CHATHUB_LOGIN: 'demo',
    CHATHUB_PASSWORD: 'demo-password',
    API_KEYS: JSON.stringify({ clients: [client] }),
    DOCS_KEY: key,
    LOG_LEVEL: once ? 'silent' : process.env['LOG_LEVEL'],
    ...Object.fromEntries(browserSettings.map((name) => [name, process.env[name]])),
  })
  if (once) process.exit((await runMainUseCase(url, key)) ? 0 : 1)
  process.on('SIGINT', () => void simulator.close())
  process.on('SIGTERM', () => void simulator.close())
  process.stdout.write(`
The ChatHub gateway with a simulated ChatHub: no real data, no connection to the internet.

  gateway    ${url}
  simulator  ${simulator.url}
  key        ${key}
  docs       ${url}/docs   (every endpoint can be tried there, with this key)

Try:
  curl -s ${url}/v1/organizations -H 'X-API-Key: ${key}'
  curl -si '${url}/v1/organizations/24/operators?status=active' -H 'X-API-Key: ${key}'
  curl -s ${url}/v1/organizations/24/operators -H 'X-API-Key: ${key}' -H 'Content-Type: application/json' -d '{"operators":[{"name":"Alex Brown"}]}'
  curl -s -X PATCH ${url}/v1/organizations/24/operators/103 -H 'X-API-Key: ${key}' -H 'Content-Type: application/json' -d '{"status":"active"}'
  curl -s '${url}/api/operator?organizationId=24' -H 'Authorization: Bearer ${key}' -H 'Accept: text/plain'
  curl -s ${simulator.url}/__sim/faults -H 'Content-Type: application/json' -d '{"mode":"status","status":503}'   # ChatHub fails; reads are still answered

Ctrl-C stops both.
`)
}

const runMainUseCase = async (url: string, key: string): Promise<boolean> => {
  const startedAt = performance.now()
  let passed = true
  for (const { title, method = 'GET', path, body, check, show } of steps) {
    const sentAt = performance.now()
    const response = await fetch(url + path, {
      method,
      headers: { 'X-API-Key': key, ...(body !== undefined && { 'Content-Type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const answer = (await response.json()) as never
    const ok = check(response.status, answer)
    passed &&= ok
    const ms = (performance.now() - sentAt).toFixed(1).padStart(7)
    process.stdout.write(
      `${ok ? 'ok  ' : 'FAIL'} ${ms} ms  ${title.padEnd(28)} ${ok ? show(answer) : `${response.status} ${JSON.stringify(answer)}`}\n`,
    )
  }
  process.stdout.write(
    `${passed ? 'The main use case works' : 'The main use case FAILED'}: ${steps.length} steps in ${((performance.now() - startedAt) / 1000).toFixed(2)} s.\n`,
  )
  return passed
}
