import { writeFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { hashKey, makeKey } from '../../src/access/keys.ts'
import type { Simulator } from '../../src/apps/simulator/simulator.ts'
import { scopes } from '../../src/contract/scopes.ts'
import type { TestGateway } from '../support/gateway.ts'
import type { Running } from '../support/processes.ts'
import type { TestRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

const key = makeKey('on-call')
const entry = {
  id: 'on-call',
  keyHash: hashKey(key),
  scopes,
  organizations: '*',
  requestsPerMinute: 1_000_000,
}
export const callers = JSON.stringify({ clients: [entry] })
export const organizations = Array.from({ length: 60 }, (_, at) => ({
  id: 100 + at,
  name: `Department ${at}`,
  operators: [{ name: 'Olena' }, { name: 'Taras' }],
}))

/** A fault that is made, and ended. `during`: what callers do meanwhile and afterwards. */
export type Fault = {
  alerts: string[]
  fault: string
  begin(): unknown
  end(): unknown
  during?(): Promise<unknown>
}

/** What runs. `webhooks`: a gateway of its own, whose clock can be put forward. */
export type World = {
  redis: TestRedis
  simulator: Simulator
  main: Running
  spare: Running
  startSpare(): Promise<Running>
  webhooks: TestGateway
  /** API_KEYS_FILE of the first two. */
  keysFile: string
}

/** A list that is known before anything fails. */
export const readAll = async ({ main }: World): Promise<void> => {
  for (const { id } of organizations.slice(0, 10))
    await fetch(`${main.url}/v1/organizations/${id}/operators`, { headers: { 'X-API-Key': key } })
}

/** For each alert a real fault. */
export const faultsOf = (world: World): Fault[] => {
  const { redis, simulator, webhooks, keysFile } = world
  const ask = (path: string, init: RequestInit = {}, gateway: Running = world.main): Promise<Response> =>
    fetch(gateway.url + path, { ...init, headers: { 'X-API-Key': key, ...init.headers } })
  const list = (organization: number): string => `/v1/organizations/${organization}/operators`
  const fresh = { headers: { 'Cache-Control': 'no-cache' } }
  const add = (organization: number, name: string): Promise<Response> =>
    ask(list(organization), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ operators: [{ name }] }),
    })
  const freeze = async (): Promise<void> => {
    world.spare.signal('SIGSTOP')
    await pause(260)
    world.spare.signal('SIGCONT')
    await pause(140)
  }
  let isFrozen = false
  let isFlooded = false
  const watched = (organizations[0] as { id: number }).id
  let number = 0

  return [
    {
      alerts: ['GatewayDown'],
      fault: 'an instance is killed',
      begin: () => world.spare.signal('SIGKILL'),
      end: async () => {
        await world.spare.exited
        world.spare = await world.startSpare()
      },
    },
    {
      alerts: ['RedisDegraded'],
      fault: 'Redis is killed',
      begin: () => redis.kill(),
      end: () => redis.restart(),
    },
    {
      alerts: ['StorageFull'],
      fault: 'Redis uses 90 % of its maxmemory',
      begin: async () => {
        const client = redis.client()
        const used = Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1])
        await client.config('SET', 'maxmemory', Math.round(used / 0.9))
      },
      end: () => redis.client().config('SET', 'maxmemory', 0),
    },
    {
      alerts: ['TokenRefused'],
      fault: 'ChatHub revokes the company token',
      begin: () => simulator.revokeToken('ct_demo-company-token'),
      end: () => simulator.acceptToken('ct_demo-company-token'),
    },
    {
      alerts: ['NobodyActive'],
      fault: 'everybody of an organization is set inactive in ChatHub',
      begin: () => simulator.setOperators(watched, [{ name: 'Olena', status: 1 }]),
      end: () => simulator.setOperators(watched, [{ name: 'Olena', status: 0 }]),
      during: async () => {
        // Each instance tells of the lists that it holds.
        for (const gateway of [world.main, world.spare]) await ask(list(watched), fresh, gateway)
      },
    },
    {
      alerts: ['CredentialFileKept'],
      fault: 'API_KEYS_FILE is overwritten with half a document',
      begin: () => writeFileSync(keysFile, '{"clients":['),
      end: () => writeFileSync(keysFile, callers),
    },
    {
      alerts: ['BudgetFull'],
      fault: 'both instances are asked for more new lists than the budget allows',
      begin: () => {
        isFlooded = true
      },
      end: () => {
        isFlooded = false
      },
      during: () =>
        isFlooded
          ? Promise.all(
              organizations.map(({ id }, at) =>
                ask(list(id), fresh, at % 2 === 0 ? world.main : world.spare),
              ),
            )
          : pause(100),
    },
    {
      alerts: ['WritesInDoubt'],
      fault: 'ChatHub answers no addition and applies none',
      begin: async () => {
        simulator.fault({ mode: 'hang', route: 'synchronize', organization: 110 })
        await add(110, `In doubt ${number++}`)
      },
      end: () => simulator.clearFaults(),
    },
    {
      alerts: ['LateWrites'],
      fault: 'ChatHub applies an addition four seconds after it broke the connection',
      begin: async () => {
        simulator.fault({ mode: 'late-apply', ms: 4000, route: 'synchronize', organization: 120, times: 1 })
        await add(120, `Late ${number++}`)
      },
      end: () => simulator.clearFaults(),
      during: () => ask(list(120), fresh),
    },
    {
      alerts: ['ContractDrift'],
      fault: 'ChatHub answers a row without a name',
      begin: () =>
        simulator.fault({ mode: 'rows', rows: [{ id: 7, status: 0 }], organization: 130, times: 1 }),
      end: () => simulator.clearFaults(),
      during: () => ask(list(130), fresh),
    },
    {
      alerts: ['WebhooksGivenUp'],
      fault: 'the receiver of a webhook refuses connections for 24 hours',
      begin: async () => {
        const body = { url: 'http://127.0.0.1:9/events', organizations: [24] }
        const { id } = (await webhooks.ask('POST', '/v1/webhooks', { body })).body
        const operators = [{ name: 'Told to nobody' }]
        await webhooks.ask('POST', '/v1/organizations/24/operators', { body: { operators } })
        await until(async () => (await webhooks.ask('GET', `/v1/webhooks/${id}`)).body.failing.length > 0)
        webhooks.jump(25 * 3_600_000)
      },
      end: async () => {
        for (const { id } of (await webhooks.ask('GET', '/v1/webhooks')).body.items)
          await webhooks.ask('DELETE', `/v1/webhooks/${id}`)
      },
    },
    {
      alerts: ['EventLoopSlow'],
      fault: 'an instance gets no CPU for 260 of 400 ms',
      begin: () => {
        isFrozen = true
      },
      end: () => {
        isFrozen = false
      },
      during: () => (isFrozen ? freeze() : pause(400)),
    },
    {
      alerts: ['ChatHubDown', 'GatewayErrorsFast', 'GatewayErrorsSlow', 'StaleLists'],
      fault: 'ChatHub answers 503 to everything',
      begin: () => simulator.fault({ mode: 'status', status: 503, route: 'any' }),
      end: () => simulator.clearFaults(),
      during: async () => {
        await Promise.all([1, 2, 3, 4].flatMap((at) => [ask(list(100 + at)), ask(list(100 + at), fresh)]))
        await pause(100)
      },
    },
  ]
}
