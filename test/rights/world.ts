import { randomBytes } from 'node:crypto'
import { makeKey } from '../../src/access/keys.ts'
import { type Scope, scopes } from '../../src/contract/scopes.ts'
import { claimsAt, makeSigningKey, sign } from '../access/jwks.ts'
import { cookieName, page } from '../http/browser-session.ts'
import { type Company, foreignClient, operators, organizations, ownCount } from './company.ts'
import type { Connection, Got } from './connection.ts'
import type { Values } from './requests.ts'
import type { Owner, Subjects } from './subjects.ts'

export type Headers = Record<string, string>
export const kinds = ['key', 'jwt', 'session', 'token'] as const
export type Kind = (typeof kinds)[number]

/** A set of scopes, and the headers of a credential of each kind that has them. */
export type Holder = {
  name: string
  scopes: readonly Scope[]
  headersOf(kind: Kind, isDropIn: boolean): Headers
}

const post = (path: string, headers: Headers, body: unknown) => ({
  method: 'POST',
  path,
  headers: { 'Content-Type': 'application/json', ...headers },
  body: JSON.stringify(body),
})
const must = (got: Got, ...wanted: number[]): Got => {
  if (!wanted.includes(got.status)) throw new Error(`${got.status} ${got.text}, wanted ${wanted}`)
  return got
}

/** Makes what exists in the gateway, and a credential of every kind for every set of scopes. */
export const openWorld = async ({ ask }: Pick<Connection, 'ask'>, company: Company) => {
  const { sets, others, minter, everything, signing } = company
  const call = async (key: string, path: string, body: unknown, ...wanted: number[]) =>
    must(await ask(post(path, { 'X-API-Key': key }, body)), ...wanted)
  const mint = async (set: readonly Scope[]) =>
    JSON.parse(
      (
        await call(
          minter,
          '/v1/sessions',
          { organizations: everything, scopes: set, origin: page, subject: 'anna', operator: operators.own },
          201,
        )
      ).text,
    ).ticket as string
  const redeem = async (ticket: string) => ask(post('/v1/session', { Origin: page }, { ticket }))
  const openSession = async (set: readonly Scope[]): Promise<Headers> => {
    const { headers } = must(await redeem(await mint(set)), 204)
    const id = headers['set-cookie']?.slice(cookieName.length + 1).split(';')[0]
    return { Cookie: `${cookieName}=${id}`, Origin: page, 'X-Gateway-Session': '1' }
  }
  const importOf = async (headers: Headers, organization: number): Promise<string> => {
    const started = await ask({
      method: 'POST',
      path: `/v1/organizations/${organization}/imports`,
      headers: { ...headers, 'Content-Type': 'text/csv' },
      body: `name\nImported ${randomBytes(6).toString('hex')}`,
    })
    const path = must(started, 202).headers['location'] as string
    for (;;) {
      const state = JSON.parse((await ask({ method: 'GET', path, headers })).text).state
      if (state === 'done') return path.split('/').at(-1) as string
      await new Promise(setImmediate)
    }
  }
  const holders: Holder[] = []
  for (const { name, key, scopes: set } of sets) {
    const payload = { sub: 'desk', scope: set.join(' '), organizations: everything }
    const jwt = await sign(signing, claimsAt(Date.now(), payload))
    const session = await openSession(set)
    const login = post('/api/company/get-token', {}, { login: 'desk', password: key })
    const token = JSON.parse(must(await ask(login), 200).text) as string
    const headersOf = (of: Kind, isDropIn: boolean): Headers => {
      if (of === 'session') return session
      if (of === 'jwt') return { Authorization: `Bearer ${jwt}` }
      if (of === 'key') return { 'X-API-Key': key }
      return isDropIn ? { 'X-Authorization-Key': token } : { Authorization: `Bearer ${token}` }
    }
    holders.push({ name, scopes: set, headersOf })
  }
  const asKey = (key: string): Headers => ({ 'X-API-Key': key })
  const operations = {
    // `undo` can be done once, so each kind has operations of its own.
    key: await importOf(asKey(minter), organizations.own),
    session: await importOf(await openSession(scopes), organizations.own),
    foreign: await importOf(asKey(others.stranger), organizations.foreign),
    colleague: await importOf(asKey(others.colleague), organizations.own),
  }
  const tokenOf = async (key: string, organization: number, operator: number): Promise<string> =>
    JSON.parse(
      (await call(key, `/v1/organizations/${organization}/operators/${operator}/tokens`, {}, 201)).text,
    ).token
  const tokens = {
    own: await tokenOf(minter, organizations.own, operators.own),
    foreign: await tokenOf(others.stranger, organizations.foreign, operators.foreign),
  }
  const chats = Array.from({ length: 60 }, (_, i) => `chat-${i}`)
  for (const chatId of chats)
    await call(minter, `/v1/organizations/${organizations.own}/assignments`, { chatId }, 200)
  await call(
    others.stranger,
    `/v1/organizations/${organizations.foreign}/assignments`,
    { chatId: 'chat-f' },
    200,
  )
  const url = 'http://127.0.0.1:1/'
  const webhookOf = async (key: string): Promise<string> =>
    JSON.parse((await call(key, '/v1/webhooks', { url }, 201)).text).id
  const webhooks: string[] = []
  for (let i = 0; i < 60; i++) webhooks.push(await webhookOf(minter))
  const foreignWebhook = await webhookOf(others.stranger)
  const tickets = { used: await mint([]), own: '' }
  must(await redeem(tickets.used), 204)
  // Every list is loaded, so that a refusal that needs none is seen to ask for none.
  must(await ask({ method: 'GET', path: '/v1/operators', headers: asKey(others.all) }), 200)

  let turn = 0
  let kind: Kind = 'key'
  const fixed = (values: Partial<Record<Owner, string | number>>) =>
    Object.fromEntries(Object.entries(values).map(([owner, value]) => [owner, () => value]))
  const unknownId = randomBytes(12).toString('hex').slice(0, 16)
  const subjects: Subjects = {
    organization: fixed(organizations),
    operator: {
      ...fixed({ foreign: operators.foreign, unknown: operators.unknown }),
      own: () => operators.own + 1 + (turn % (ownCount - 1)),
    },
    'changed operator': fixed(operators),
    operation: {
      ...fixed({
        foreign: operations.foreign,
        colleague: operations.colleague,
        unknown: `${organizations.own}-${unknownId}`,
      }),
      own: () => (kind === 'session' ? operations.session : operations.key),
    },
    chat: {
      ...fixed({ foreign: 'chat-f', unknown: 'chat-u' }),
      own: () => chats[turn % chats.length] as string,
    },
    webhook: {
      ...fixed({ foreign: foreignWebhook, unknown: `wh_${unknownId}` }),
      own: () => webhooks[turn % webhooks.length] as string,
    },
    token: fixed({ own: tokens.own, foreign: tokens.foreign, unknown: `op_${'n'.repeat(40)}` }),
    ticket: {
      ...fixed({ foreign: tickets.used, unknown: 'n'.repeat(43) }),
      own: () => tickets.own,
    },
    login: fixed({ own: 'desk', foreign: foreignClient, unknown: 'nobody-at-all' }),
    client: fixed({ own: 'desk', foreign: foreignClient, unknown: 'nobody-1' }),
    subject: fixed({ own: 'anna', unknown: 'nobody' }),
    'person to sign out': fixed({ own: 'borys', unknown: 'nobody' }),
  }
  let added = 0
  const fillings: Values = {
    name: () => `New person ${added++}`,
    file: () => `name\nNew person ${added++}`,
    password: () => minter,
    origin: () => page,
    url: () => url,
    chatId: () => 'chat-0',
    code: () => 'route.unknown',
    guide: () => 'limits',
    asset: () => 'docs.css',
    path: () => 'operators',
  }
  return {
    holders,
    subjects,
    values: fillings,
    /** Whose operations are the caller's own from now on. */
    become: (next: Kind): void => {
      kind = next
    },
    /** The caller's own are others from now on: one that was deleted gets no token, and one that was released is gone. */
    turn: (): void => {
      turn++
    },
    /** A ticket lasts a minute and opens one session. */
    newTicket: async (): Promise<void> => {
      tickets.own = await mint([])
    },
    /** What looks like a credential of each kind and is none, and no credential at all. */
    nobodies: {
      anonymous: {},
      'unknown key': asKey(makeKey('desk')),
      'unknown token': { Authorization: `Bearer cgt_${'n'.repeat(43)}` },
      'JWT of another': {
        Authorization: `Bearer ${await sign(await makeSigningKey('ES256', signing.kid), claimsAt(Date.now(), { sub: 'desk' }))}`,
      },
      'unknown session': {
        Cookie: `${cookieName}=${'n'.repeat(43)}`,
        Origin: page,
        'X-Gateway-Session': '1',
      },
    } as Record<string, Headers>,
  }
}

export type World = Awaited<ReturnType<typeof openWorld>>
