import { randomBytes } from 'node:crypto'
import type { Response } from 'supertest'
import type { Fault } from '../../src/apps/simulator/simulator.ts'
import type { Ask, TestGateway } from '../support/gateway.ts'

/** 192 random bits: found anywhere, it is a leak. */
const random = () => randomBytes(24).toString('base64url')
export const planted = {
  'company token': `ct_planted-${random()}`,
  password: `p@ss/word+"42" = планета & ${random()}`,
  'session secret': `s/ession+secret=${random()}`,
  'encryption secret': `e/ncryption+secret=${random()}`,
}
export const names = {
  added: `Planted Person ${random()}`,
  rejected: `Planted\u0007Nobody ${random()}`,
  listed: `Planted 'Übung' ${random()}`,
  odd: `Planted odd row ${random()}`,
}
/** What ChatHub, gone mad, says: our own credentials and the names of people, in head and body. */
const echo = JSON.stringify({ error: planted, people: names })
const headers = {
  'x-echo': planted['company token'],
  'www-authenticate': `Bearer ${planted['company token']}`,
}
export const troubles: Record<string, Fault | undefined> = {
  none: undefined,
  '401 with our own token in it': { mode: 'status', status: 401, body: echo, headers },
  '403 with our own token in it': { mode: 'status', status: 403, body: echo, headers },
  '400 with our own token in it': { mode: 'status', status: 400, body: echo, headers },
  '429': { mode: 'status', status: 429, body: echo, headers: { 'retry-after': planted['company token'] } },
  '500 with our own token in it': { mode: 'status', status: 500, body: echo, headers },
  'a redirect': { mode: 'redirect', location: `http://127.0.0.1:1/?token=${planted['company token']}` },
  'an answer that is no JSON': { mode: 'raw', body: `${echo} trailing` },
  'an answer of another shape': { mode: 'raw', body: echo },
  'rows that are none': { mode: 'rows', rows: [{ id: 1, name: names.odd, status: 0 }, { name: names.odd }] },
  'half an answer': { mode: 'broken-2xx' },
  'bytes that are no HTTP': {
    mode: 'raw-socket',
    bytes: `HTTP/1.1 ${planted['company token']}\r\n\r\n`,
    close: true,
  },
  'a reset': { mode: 'reset' },
}

/** `given`: answers that are there to give a token, less that token. */
export type Given = { answers: string[]; given: string[]; secrets: Record<string, string>; asked: string[] }

/** One call of every endpoint and many wrong ones. Answers that are there to give a token are kept apart. */
export const tour = async ({ ask, key, keys, simulator }: TestGateway): Promise<Given> => {
  const answers: string[] = []
  const given: string[] = []
  const asked: string[] = []
  const secrets: Record<string, string> = { ...planted, 'another key': keys['few'] as string, 'a key': key }
  const textOf = ({ status, headers: head, text }: Response) => `${status} ${JSON.stringify(head)} ${text}`
  const call = async (method: string, path: string, options: Ask = {}) => {
    const answer = await ask(method, path, options)
    asked.push(`${method} ${path.split('?')[0]}`)
    answers.push(textOf(answer))
    return answer
  }
  /** For answers whose purpose is the token in them. */
  const receive = async (
    name: string,
    path: string,
    options: Ask,
    tokenOf: (answer: Response) => unknown,
  ) => {
    const answer = await ask('POST', path, options)
    asked.push(`POST ${path}`)
    const token = answer.status < 300 ? tokenOf(answer) : undefined
    if (typeof token === 'string') secrets[name] = token
    const kept = typeof token === 'string' ? textOf(answer).replaceAll(token, '') : textOf(answer)
    ;(typeof token === 'string' ? given : answers).push(kept)
    return typeof token === 'string' ? token : `never-given-${random()}`
  }

  const noCache = { headers: { 'Cache-Control': 'no-cache' } }
  for (const path of [
    '/v1/organizations',
    '/v1/organizations/24',
    '/v1/organizations/24/operators',
    '/v1/organizations/24/operators/101',
  ])
    await call('GET', path, noCache)
  for (const path of [
    '/v1/operators',
    '/v1/operators/101',
    '/v1/operators/999',
    '/v1/statistics',
    '/v1/organizations/6/statistics',
    '/v1/organizations/24/diagnosis',
    '/v1/me',
    '/v1/status',
    '/v1/clients',
  ])
    await call('GET', path)
  for (const path of ['/api/company/organization', '/api/operator?organizationId=24'])
    await call('GET', path, noCache)
  for (const path of [
    '/livez',
    '/readyz',
    '/openapi.json',
    '/openapi.yaml',
    '/',
    '/docs',
    '/docs/reference',
    '/docs/problems',
    '/docs/guides/events',
    '/docs/assets/search.json',
    '/llms.txt',
    '/console',
    '/console/operators',
    '/console/login',
    '/console/callback',
    '/console/logout',
    '/widget/loader.js',
    '/docs/problems/chathub.credentials',
  ])
    await call('GET', path, { key: '' })

  const operators = '/v1/organizations/24/operators'
  const rows = [{ name: names.added }, { name: names.rejected }]
  await call('POST', operators, { body: { operators: rows } })
  await call('POST', operators, {
    body: { operators: rows.slice(0, 1) },
    headers: { 'Idempotency-Key': random() },
  })
  await call('POST', operators, { body: { operators: rows.slice(0, 1), onDuplicate: 'fail' } })
  await call(
    'GET',
    `${operators}?name=${encodeURIComponent(names.added)}&q=${encodeURIComponent(names.listed)}`,
  )
  await call('PATCH', `${operators}/102`, { body: { status: 'inactive' } })
  await call('DELETE', `${operators}/103`)
  await call('POST', '/api/operator/synchronize', {
    body: [{ organizationId: 24, name: `${names.added} 2` }],
  })
  await call('POST', '/api/operator/status', { body: { id: 102, status: 0 } })
  await call('POST', '/v1/cache:purge', { body: { organization: 24 } })
  for (const Accept of ['application/json', 'text/csv'])
    await call('GET', '/v1/audit', { headers: { Accept } })
  await call('POST', '/v1/audit:eraseName', { body: { organization: 24, operator: 1 } })
  await call('GET', '/v1/operations')
  await call('GET', `${operators}/102/history`)
  await call('GET', '/v1/organizations/24/coverage')
  await call('GET', '/v1/events', { headers: { Accept: 'application/json' } })

  const expiresAt = new Date(Date.now() + 3_600_000).toISOString()
  const minted = await receive(
    'operator token',
    `${operators}/101/tokens`,
    { body: {} },
    ({ body }) => body.token,
  )
  const wired = await receive(
    'drop-in operator token',
    '/api/operator/get-token',
    { body: { id: 101, expiresAt } },
    ({ body }) => body,
  )
  for (const token of [minted, wired, planted['company token'], keys['few'] as string]) {
    await call('POST', '/v1/tokens:validate', { body: { token } })
    await call('POST', '/api/operator/validate-token', { body: { token } })
    await call('POST', '/v1/tokens:validate', {
      body: `{"token": ${token}}`,
      headers: { 'Content-Type': 'application/json' },
    })
    await call('POST', '/v1/tokens:validate', { body: { token: [token], tokens: token } })
    await call('POST', '/v1/tokens:validate', { body: token, headers: { 'Content-Type': 'text/plain' } })
    await call('GET', `/v1/me?key=${token}`)
    await call('GET', `/v1/me?access_token=${token}`, { key: '' })
    await call('GET', `/v1/${token}`)
    await call('GET', `${operators}?cursor=${token}&limit=${token}`)
    await call('GET', `/v1/organizations/${token}/operators`)
    await call('GET', '/v1/me', {
      key: '',
      headers: { Authorization: `Basic ${Buffer.from(`a:${token}`).toString('base64')}` },
    })
    await call('GET', '/v1/me', { headers: { Authorization: `Bearer ${token}` } })
  }
  const login = (password: unknown) => ({ key: '', body: { login: 'few', password } })
  const token = await receive(
    'gateway token',
    '/api/company/get-token',
    login(keys['few']),
    ({ body }) => body,
  )
  await call('GET', '/api/operator?organizationId=24', { key: '', headers: { 'X-Authorization-Key': token } })
  for (const password of [planted.password, [keys['few']]])
    await call('POST', '/api/company/get-token', login(password))

  await call('POST', `${operators}:setStatus`, { body: { ids: [101, 102], status: 'active' } })
  const people = { operators: [{ name: `${names.added} 3` }] }
  await receive(
    'onboarding token',
    `${operators}:onboard`,
    { body: people },
    ({ body }) => body.results?.[0]?.token,
  )
  await call('POST', `${operators}:onboard`, { body: { operators: [{ name: names.rejected }] } })
  const assignments = '/v1/organizations/24/assignments'
  await call('POST', assignments, { body: { chatId: 'chat-1' } })
  await call('GET', `${assignments}/chat-1`)
  await call('DELETE', `${assignments}/chat-1`)
  const csv = { headers: { 'Content-Type': 'text/csv' }, body: `name\n${names.added} 4\n${names.rejected}\n` }
  await call('POST', '/v1/organizations/24/imports?dryRun=true', csv)
  const { headers: started } = await call('POST', '/v1/organizations/24/imports', csv)
  const operation = started['location'] ?? '/v1/operations/none'
  let { body: state } = await call('GET', operation)
  for (let tries = 0; tries < 100 && state.state === 'running'; tries++)
    state = (await call('GET', operation)).body
  await call('GET', `${operation}/rows`)
  for (const verb of ['cancel', 'retry', 'undo']) await call('POST', `${operation}:${verb}`)
  if (state.state === 'done') await call('GET', `${operation}/events`)

  const tool = (name: string, args: object) => ({
    body: { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } },
  })
  await call('POST', '/mcp', tool('find_operators', { q: names.listed }))
  await call('POST', '/mcp', tool('add_operators', { org: 24, operators: rows }))

  const url = 'http://127.0.0.1:1/'
  const secretOf = ({ body }: Response) => body.secret
  await receive('webhook secret', '/v1/webhooks', { body: { url } }, secretOf)
  const { body: hooks } = await call('GET', '/v1/webhooks')
  const webhook = `/v1/webhooks/${hooks.items?.[0]?.id}`
  for (const more of ['', '/deadLetters']) await call('GET', webhook + more)
  for (const verb of ['test', 'replay']) await call('POST', `${webhook}:${verb}`)
  await receive('rotated secret', `${webhook}:rotateSecret`, { body: {} }, secretOf)
  await call('DELETE', webhook)

  const origin = 'https://crm.example.com'
  const grant = { organizations: [24], scopes: ['operators:read'], origin, ttlSeconds: 600, operator: 101 }
  const ticket = await receive('ticket', '/v1/sessions', { body: grant }, ({ body }) => body.ticket)
  const cookieOf = (answer: Response) => /=([^;]+)/.exec(String(answer.headers['set-cookie']))?.[1]
  const session = await receive(
    'session',
    '/v1/session',
    { key: '', headers: { Origin: origin }, body: { ticket } },
    cookieOf,
  )
  const cookie = { Cookie: `__Host-chathub-session=${session}`, 'X-Gateway-Session': '1', Origin: origin }
  await call('GET', '/v1/session', { key: '', headers: cookie })
  await call('GET', operators, { key: '', headers: cookie })
  const own = { key: '', headers: cookie, body: { expiresIn: 600 } }
  await receive('own operator token', '/v1/session:operatorToken', own, ({ body }) => body.token)
  await call('POST', '/v1/session', { key: '', headers: { Origin: origin }, body: { ticket } })
  await call('DELETE', '/v1/session', { key: '', headers: cookie })
  await call('DELETE', '/v1/sessions?subject=anna')

  for (const path of ['/v1/upstream', '/v1/usage', '/v1/switches', '/metrics']) await call('GET', path)
  await call('PATCH', '/v1/switches', { body: { logLevel: null } })
  for (const [place, issued] of simulator.issuedTokens().entries())
    secrets[`issued token ${place}`] ??= issued
  return { answers, given, secrets, asked }
}
