import { randomBytes } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { hashKey, makeKey } from '../../access/keys.ts'
import { createClient } from '../../client/client.ts'
import { scopes } from '../../contract/scopes.ts'
import { run } from '../../main.ts'
import { makeLoginLink } from '../cli/login-link.ts'
import { createSimulator } from '../simulator/simulator.ts'
import { runMainUseCase } from './main-use-case.ts'

const usualPort = 8080
const linkMinutes = 10
/** Where examples/front-end shows its page. */
const frontEnds = ['http://127.0.0.1:3000', 'http://localhost:3000']

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
      .once('error', () => resolve(false))
      .listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })

/** The port that was asked for, else the usual one, else a free one. */
const choosePort = async (asked: string | undefined): Promise<string> => {
  if (asked) return asked
  return (await isFree(usualPort)) ? `${usualPort}` : '0'
}

/** So that a front end can be tried (examples/front-end). The environment may say otherwise. */
const browserSettings = {
  SESSION_SECRET: randomBytes(32).toString('hex'),
  SESSION_SAME_SITE: undefined,
  CORS_ORIGINS: frontEnds.join(),
  TRUST_PROXY: '127.0.0.1',
}

/** Times and bounds of the environment count in the demo, too. What says where the gateway connects does not. */
const boundsOf = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(env).filter(([name]) =>
      /_(SECONDS?|MS|MAX|HOURS|PERCENT|CONCURRENCY)$|^QUOTAS/.test(name),
    ),
  )

/** Starts gateway and simulator on loopback with a sample key. `once`: runs the main use case, checks it and exits. */
export const runDemo = async ({ once }: { once: boolean }): Promise<void> => {
  const simulator = await createSimulator()
  const key = makeKey('demo')
  const client = { id: 'demo', keyHash: hashKey(key), scopes, organizations: '*' }
  const logFile = once ? undefined : join(mkdtempSync(join(tmpdir(), 'chathub-gateway-demo-')), 'gateway.log')
  const port = once ? '0' : await choosePort(process.env['PORT'])
  const browser = Object.entries(browserSettings).map(([name, text]) => [name, process.env[name] || text])
  const { url } = await run(
    {
      ...(once ? {} : boundsOf(process.env)),
      PORT: port,
      CHATHUB_BASE_URL: simulator.url,
      CHATHUB_LOGIN: 'demo',
      CHATHUB_PASSWORD: 'demo-password',
      API_KEYS: JSON.stringify({ clients: [client] }),
      DOCS_KEY: key,
      MCP_ENABLED: 'true',
      LOG_LEVEL: once ? 'silent' : process.env['LOG_LEVEL'],
      ...Object.fromEntries(browser),
    },
    logFile,
  )
  if (once) process.exit((await runMainUseCase(url, key)) ? 0 : 1)
  process.on('SIGINT', () => void simulator.close())
  process.on('SIGTERM', () => void simulator.close())
  const isOther = port === '0' && !process.env['PORT']
  const link = await makeLoginLink(createClient({ baseUrl: url, key }), {
    subject: 'demo',
    minutes: linkMinutes,
    origin: url,
  })
  process.stdout.write(textOf({ url, key, console: link.url, simulator: simulator.url, logFile, isOther }))
}

/** The program of the page, as it is typed here. The package has it beside dist. */
const frontEnd = (): string => {
  const path = fileURLToPath(new URL('../../../examples/front-end/server.mjs', import.meta.url))
  const near = relative('', path)
  return near.startsWith('..') ? path : near
}

const textOf = (shown: {
  url: string
  key: string
  console: string
  simulator: string
  logFile: string | undefined
  isOther: boolean
}): string => `
The ChatHub gateway with a simulated ChatHub: no real data, no connection to the internet.

  gateway    ${shown.url}${shown.isOther ? `   (port ${usualPort} is taken; PORT=… chooses another)` : ''}
  console    ${shown.console}
             (signs you in, once, within ${linkMinutes} minutes; the command below makes another link)
  docs       ${shown.url}/docs   (every endpoint can be tried there; the key is filled in)
  simulator  ${shown.simulator}
  log        ${shown.logFile}

In a second terminal, first:
  export KEY=${shown.key}
  export GATEWAY=${shown.url} CHATHUB=${shown.simulator} JSON='Content-Type: application/json'

Read, and change:
  curl -s $GATEWAY/v1/organizations -H "X-API-Key: $KEY"
  curl -si "$GATEWAY/v1/organizations/24/operators?status=active" -H "X-API-Key: $KEY"
  curl -s $GATEWAY/v1/organizations/24/operators -H "X-API-Key: $KEY" -H "$JSON" -d '{"operators":[{"name":"Alex Brown"}]}'
  curl -s -X PATCH $GATEWAY/v1/organizations/24/operators/103 -H "X-API-Key: $KEY" -H "$JSON" -d '{"status":"active"}'

What changed, and what changes (Ctrl-C ends it):
  curl -s $GATEWAY/v1/organizations/24/operators/103/history -H "X-API-Key: $KEY"
  curl -N $GATEWAY/v1/events -H "X-API-Key: $KEY"

As ChatHub itself answers:
  curl -s "$GATEWAY/api/operator?organizationId=24" -H "Authorization: Bearer $KEY"

ChatHub fails, while reads are still answered; then it works again:
  curl -s $CHATHUB/__sim/faults -H "$JSON" -d '{"mode":"status","status":503}'
  curl -s -X DELETE $CHATHUB/__sim/faults

Another link to the console, from a clone:
  node dist/cli.js login-link --url $GATEWAY --key $KEY

A page with sessions, at http://127.0.0.1:3000:
  GATEWAY_KEY=$KEY GATEWAY_URL=$GATEWAY node ${frontEnd()}

Ctrl-C stops gateway and simulator.
`
