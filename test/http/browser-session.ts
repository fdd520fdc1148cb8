import type { Response } from 'supertest'
import type { Scope } from '../../src/contract/scopes.ts'
import type { Ask, TestGateway } from '../support/gateway.ts'

/** The origin that sessions of these suites are bound to. */
export const page = 'https://crm.example.com'
export const sessionEnv = { SESSION_SECRET: 'a-secret-of-at-least-32-characters', CORS_ORIGINS: page }
export const cookieName = '__Host-chathub-session'

export type Grant = {
  organizations?: number[] | '*'
  scopes?: Scope[]
  origin?: string
  ttlSeconds?: number
  subject?: string
  ticketSeconds?: number
  operator?: number
}

/** What a back end does. */
export const mint = (gateway: TestGateway, grant: Grant = {}, key = gateway.key): Promise<Response> =>
  gateway.ask('POST', '/v1/sessions', {
    key,
    body: { organizations: [24], scopes: ['operators:read'], origin: page, ...grant },
  })

/** What the browser does with the ticket. */
export const redeem = (gateway: TestGateway, ticket: string, origin = page): Promise<Response> =>
  gateway.ask('POST', '/v1/session', { key: '', headers: { Origin: origin }, body: { ticket } })

/** Mints and redeems: the id that the cookie holds. */
export const openSession = async (gateway: TestGateway, grant?: Grant, key?: string): Promise<string> => {
  const minted = await mint(gateway, grant, key)
  if (minted.status !== 201) throw new Error(`${minted.status} without a ticket: ${minted.text}`)
  return idIn(await redeem(gateway, minted.body.ticket, grant?.origin))
}

/** The session id of an answer's Set-Cookie. */
export const idIn = ({ headers, status, text }: Response): string => {
  const [cookie] = (headers['set-cookie'] ?? []) as unknown as string[]
  if (!cookie?.startsWith(`${cookieName}=`)) throw new Error(`${status} without a session: ${text}`)
  return cookie.slice(cookieName.length + 1, cookie.indexOf(';'))
}

/** A request as the session's own page sends it. */
export const asPage = (id: string, more: Record<string, string> = {}, body?: unknown): Ask => ({
  key: '',
  headers: { Cookie: `${cookieName}=${id}`, Origin: page, 'X-Gateway-Session': '1', ...more },
  ...(body !== undefined && { body }),
})
