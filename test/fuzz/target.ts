import { hashKey, makeKey } from '../../src/access/keys.ts'
import { scopes } from '../../src/contract/scopes.ts'
import type { Credentials, Headers } from './requests.ts'

const sessionSecret = 'a-secret-of-the-generator-with-32-bytes'
const encryptionSecret = 'an-encryption-secret-of-the-generator-32'
export const companyToken = 'ct_planted-company-token-of-the-generator'
const password = 'planted-password-of-the-generator'
const page = 'https://crm.example.com'

const roundTrip = async (url: string, headers: Headers, body: unknown): Promise<Response> => {
  const all = { 'Content-Type': 'application/json', ...headers }
  const answer = await fetch(url, { method: 'POST', headers: all, body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`${url} was answered ${answer.status}: ${await answer.text()}`)
  return answer
}

/** Keys of several rights, the settings of a gateway that knows them, and what no answer of it may show. */
export const createTarget = () => {
  const key = makeKey('all')
  const rights = [
    { id: 'none', scopes: [], organizations: '*' },
    { id: 'nowhere', scopes },
    { id: 'one', scopes, organizations: [6] },
    ...scopes.map((scope) => ({ id: scope.replace(':', '-'), scopes: [scope], organizations: '*' })),
  ]
  const lesser = rights.map(({ id }) => makeKey(id))
  const entries = [{ id: 'all', scopes, organizations: '*' }, ...rights].map((entry, index) => ({
    ...entry,
    requestsPerMinute: 10_000_000,
    keyHash: hashKey(index === 0 ? key : (lesser[index - 1] as string)),
  }))
  let sessions: Headers[] = []
  return {
    /** In addition to the address of the simulator. */
    env: {
      CHATHUB_COMPANY_TOKEN: companyToken,
      CHATHUB_LOGIN: 'demo',
      CHATHUB_PASSWORD: password,
      CHATHUB_REQUESTS_PER_SECOND: '10000',
      API_KEYS: JSON.stringify({ clients: entries }),
      SESSION_SECRET: sessionSecret,
      // With Redis there are no webhooks without it.
      TOKEN_ENCRYPTION_SECRET: encryptionSecret,
      CORS_ORIGINS: page,
      MCP_ENABLED: 'true',
      // Nobody listens there.
      WEBHOOK_PRIVATE_HOSTS: '127.0.0.1:1=127.0.0.1',
    } as Record<string, string>,
    password,
    secrets: [
      sessionSecret,
      encryptionSecret,
      companyToken,
      password,
      key,
      ...lesser,
      ...entries.map(({ keyHash }) => keyHash),
    ],
    /** What an OpenAPI document cannot say: the id and the key of a client are a login and its password. */
    known: { login: 'all', password: key, url: 'http://127.0.0.1:1/', guide: 'limits', asset: 'docs.css' },
    /** Opens browser sessions at the running gateway, and ends the earlier ones. A request may end one too. */
    credentials: async (url: string): Promise<Credentials> => {
      for (const headers of sessions) await fetch(`${url}/v1/session`, { method: 'DELETE', headers })
      sessions = await Promise.all(Array.from({ length: 20 }, () => openSession(url, key)))
      return { key, sessions, lesser: [...lesser, 'x'.repeat(40), ''] }
    },
  }
}

const openSession = async (url: string, key: string): Promise<Headers> => {
  const grant = { organizations: [24, 6], scopes: ['operators:read'], origin: page }
  const minted = await roundTrip(`${url}/v1/sessions`, { 'X-API-Key': key }, grant)
  const { ticket } = (await minted.json()) as { ticket: string }
  const opened = await roundTrip(`${url}/v1/session`, { Origin: page }, { ticket })
  const cookie = String(opened.headers.get('set-cookie')).split(';')[0] as string
  return { Cookie: cookie, Origin: page, 'X-Gateway-Session': '1' }
}
