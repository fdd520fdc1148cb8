// The gateway as people run it, before a simulator, every feature on.
import { createHash, randomBytes } from 'node:crypto'
import { loadCore, project, serverCore, start } from './processes.mjs'

export const key = `bench-${randomBytes(32).toString('hex')}`
export const keyHeader = { 'X-API-Key': key }
const scopes = [
  'organizations:read',
  'events:read',
  'operators:read',
  'operators:write',
  'operators:import',
  'cache:purge',
  'metrics:read',
  'admin',
]
const clients = JSON.stringify({
  clients: [
    {
      id: 'bench',
      keyHash: `sha256:${createHash('sha256').update(key).digest('hex')}`,
      scopes,
      organizations: '*',
      requestsPerMinute: 10_000_000,
    },
  ],
})

export const dist = process.env.BENCH_DIST ?? `${project}dist`

export const startSimulator = async (args = []) => {
  const simulator = start(loadCore, process.execPath, [`${dist}/apps/simulator/main.js`, ...args.map(String)])
  const url = await simulator.url()
  const control = async (method, path, body) => {
    const answer = await fetch(`${url}/__sim/${path}`, {
      method,
      headers: { 'Content-Type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`simulator ${method} ${path}: ${answer.status} ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }
  return {
    ...simulator,
    url,
    control,
    setOperators: (organization, count) => control('PUT', `operators/${organization}`, people(count)),
  }
}

/** Names of about 50 bytes, so that 3, 100 and 1,000 people are about 280 B, 9.4 KB and 94 KB. */
export const people = (count) =>
  Array.from({ length: count }, (_, index) => ({
    name: `Оператор Коваленко Олена ${String(index).padStart(4, '0')}`,
    status: index % 20 === 0 ? 2 : 0,
  }))

export const startGateway = async (
  simulator,
  { env = {}, from = dist, core = serverCore, execArgv = [] } = {},
) => {
  const gateway = start(core, process.execPath, [...execArgv, `${from}/main.js`], {
    PORT: '0',
    CHATHUB_BASE_URL: simulator.url,
    CHATHUB_COMPANY_TOKEN: 'ct_demo-company-token',
    CHATHUB_REQUESTS_PER_SECOND: '10000',
    // A bench measures work. What an overloaded machine refuses is measured by the attacks.
    OVERLOAD_WAIT_MS: '60000',
    CACHE_FRESH_SECONDS: '86400',
    ORGANIZATIONS_FRESH_SECONDS: '86400',
    API_KEYS: clients,
    ...env,
  })
  const url = await gateway.url()
  const get = async (path, headers = {}) => {
    const answer = await fetch(url + path, { headers: { ...keyHeader, ...headers } })
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return answer
  }
  return { ...gateway, url, get }
}

export const listPath = (organization) => `/v1/organizations/${organization}/operators`
/** Organization and number of operators of each payload. */
export const payloads = [
  { organization: 24, operators: 3 },
  { organization: 6, operators: 100 },
  { organization: 42, operators: 1000 },
]
