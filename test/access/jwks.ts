import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose'

export type SigningKey = { kid: string; alg: string; privateKey: CryptoKey; publicJwk: JWK }

export const makeSigningKey = async (alg: string, kid = `key-${alg}`): Promise<SigningKey> => {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  return { kid, alg, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } }
}

export const issuer = 'https://host.example.com/'
export const audience = 'chathub-gateway'

/** Claims as a host application sets them; `undefined` leaves one out. `now` in epoch ms. */
export const claimsAt = (now: number, more: JWTPayload = {}): JWTPayload => {
  const iat = Math.floor(now / 1000)
  return { iss: issuer, aud: audience, sub: 'portal', iat, exp: iat + 3600, ...more }
}

export const sign = (key: SigningKey, payload: JWTPayload, header: object = {}): Promise<string> =>
  new SignJWT(payload).setProtectedHeader({ alg: key.alg, kid: key.kid, ...header }).sign(key.privateKey)

/** No proxy. */
export const direct = { httpsProxy: undefined, httpProxy: undefined, noProxy: [] }

export type JwksServer = {
  url: URL
  /** How often the key set was asked for. */
  asked(): number
  keys: JWK[]
  /** What it answers instead of the keys. */
  broken: { status: number; body?: string } | undefined
  /** It answers when this resolves. */
  until: Promise<unknown>
  close(): Promise<void>
}

/** A host application's key set on loopback. */
export const startJwks = async (keys: JWK[]): Promise<JwksServer> => {
  let asked = 0
  const server = createServer(async (_req, res) => {
    asked++
    await jwks.until
    const { broken } = jwks
    if (broken) res.writeHead(broken.status, { Location: '/elsewhere' }).end(broken.body ?? '')
    else res.setHeader('Content-Type', 'application/json').end(JSON.stringify({ keys: jwks.keys }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const jwks: JwksServer = {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`),
    asked: () => asked,
    keys,
    broken: undefined,
    until: Promise.resolve(),
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return jwks
}
