import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { freePort } from '../support/free-port.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { type Running, spawnReady } from '../support/processes.ts'
import { startTlsFront, type TlsFront } from './tls-front.ts'

/** The placements of page and gateway that examples/front-end/README.md documents. */
export type Where = 'own site' | 'other port' | 'other site'

export type Placement = {
  /** The page's origin. */
  page: string
  /** The gateway's origin as the browser sees it. */
  api: string
  /** Origins that may not use the session: one of the page's site, one of another site. */
  attackers: string[]
  gateway: TestGateway
  close(): Promise<void>
}

const secret = 'session-secret-that-no-browser-ever-sees'
const evilScript = readFileSync(new URL('./evil.js', import.meta.url))
const server = fileURLToPath(new URL('../../examples/front-end/server.mjs', import.meta.url))

/** Starts the example front end and a gateway, both with the settings of the README. */
export const place = async (where: Where): Promise<Placement> => {
  const tls = where === 'other site'
  const [pagePort, frontPort] = [await freePort(), await freePort()]
  const page = tls ? `https://localhost:${frontPort}` : `http://127.0.0.1:${pagePort}`
  const gateway = await startGateway({
    env: {
      SESSION_SECRET: secret,
      ...(where === 'own site' ? { TRUST_PROXY: '127.0.0.1' } : { CORS_ORIGINS: page }),
      ...(tls && { SESSION_SAME_SITE: 'none' }),
    },
    clients: [
      {
        id: 'host-application',
        scopes: ['sessions:mint', 'organizations:read', 'operators:read', 'operators:write'],
        organizations: [24, 6],
      },
    ],
  })
  const fronts: TlsFront[] = []
  const front = async (to: number, port?: number) => {
    const made = await startTlsFront(() => to, port)
    fronts.push(made)
    return made.port
  }
  const gatewayPort = Number(new URL(gateway.url).port)
  const api = { 'own site': page, 'other port': gateway.url, 'other site': '' }[where]
  const reached = api || `https://127.0.0.1:${await front(gatewayPort)}`
  if (tls) await front(pagePort, frontPort)
  const example: Running = await spawnReady(process.execPath, [server], {
    PORT: String(pagePort),
    PAGE_ORIGIN: page,
    GATEWAY_URL: gateway.url,
    GATEWAY_KEY: gateway.keys['host-application'] as string,
    ORGANIZATIONS: '24,6',
    ...(where !== 'own site' && { GATEWAY_ORIGIN: reached }),
  })
  const evil = await startEvil()
  const evilPort = tls ? await front(evil.port) : evil.port
  const scheme = tls ? 'https' : 'http'
  return {
    page,
    api: reached,
    attackers: [`${scheme}://127.0.0.1:${evilPort}`, `${scheme}://localhost:${evilPort}`],
    gateway,
    close: async () => {
      await example.stop()
      await evil.close()
      await gateway.close()
      for (const one of fronts) await one.close()
    },
  }
}

/** A server of an attacker's pages. */
const startEvil = async () => {
  const pages = createServer((req, res) => {
    const isScript = req.url === '/evil.js'
    res.setHeader('Content-Type', isScript ? 'text/javascript' : 'text/html')
    res.end(
      isScript ? evilScript : '<!doctype html><title>evil</title><body><script src="/evil.js"></script>',
    )
  })
  pages.listen(0, '127.0.0.1')
  await once(pages, 'listening')
  return {
    port: (pages.address() as AddressInfo).port,
    close: async () => {
      pages.closeAllConnections()
      pages.close()
      await once(pages, 'close')
    },
  }
}

/** Secrets by name. No browser may receive them. */
export const secretsOf = ({ gateway }: Placement): Record<string, string> => ({
  ...gateway.keys,
  password: 'demo-password',
  'session secret': secret,
  ...Object.fromEntries(
    gateway.simulator.issuedTokens().map((token, index) => [`company token ${index}`, token]),
  ),
})
