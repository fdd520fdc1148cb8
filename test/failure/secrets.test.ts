import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Redis } from 'ioredis'
import { endpoints } from '../../src/contract/endpoints.ts'
import { createLog } from '../../src/log.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { isLong } from '../support/long.ts'
import { describeWithRedis } from '../support/needs.ts'
import { openRedis, type TestDatabase } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { findLeaks } from './planted.ts'
import { names, planted, tour, troubles } from './secrets-tour.ts'

const start = (env: Record<string, string> = {}) =>
  startGateway({
    env: {
      CHATHUB_COMPANY_TOKEN: planted['company token'],
      CHATHUB_PASSWORD: planted.password,
      SESSION_SECRET: planted['session secret'],
      MCP_ENABLED: 'true',
      TOKEN_ENCRYPTION_SECRET: planted['encryption secret'],
      WEBHOOK_PRIVATE_HOSTS: '127.0.0.1:1=127.0.0.1',
      ...env,
    },
    simulator: { companyToken: planted['company token'], password: planted.password },
    clients: [{ id: 'few', organizations: [24] }],
  })

const search = async (gateway: TestGateway, trouble: string, more: () => Promise<Record<string, string>>) => {
  gateway.simulator.addOperator(24, names.listed)
  const fault = troubles[trouble]
  if (fault) gateway.simulator.fault(fault)
  const { answers, given, secrets, asked } = await tour(gateway)
  // The company token dies, so that the login is used too.
  gateway.simulator.clearFaults()
  gateway.simulator.revokeToken(planted['company token'])
  const again = await tour(gateway)
  for (const [name, value] of Object.entries(again.secrets)) secrets[`${name}, later`] = value
  const places = {
    log: gateway.logged(),
    reports: JSON.stringify(gateway.reports),
    answers: [...answers, ...again.answers].join('\n'),
    'answers that give a token, but for it': [...given, ...again.given].join('\n'),
    ...(await more()),
  }
  expect(Object.values(places).every((text) => text.length > 100)).toBe(true)
  expect(findLeaks(secrets, places)).toEqual([])
  const people = Object.fromEntries(gateway.simulator.operators().map(({ name }) => [`name ${name}`, name]))
  const lines = { log: places.log, reports: places.reports, metrics: answers.at(-1) as string }
  expect(findLeaks({ ...people, ...names }, lines)).toEqual([])
  return { secrets, asked }
}

const usualTroubles = ['none', '500 with our own token in it', 'rows that are none', 'bytes that are no HTTP']

describe('secrets without Redis', () => {
  it.each(isLong ? Object.keys(troubles) : usualTroubles)(
    'stand nowhere, when ChatHub’s trouble is: %s',
    async (trouble) => {
      const brief = { READ_DEADLINE_MS: '1000', WRITE_DEADLINE_MS: '1000' }
      const gateway = await start(trouble === 'none' ? {} : brief)
      const { secrets, asked } = await search(gateway, trouble, async () => ({}))
      // The tour did meet the things that it looks for, and was everywhere.
      if (trouble === 'none') {
        for (const { method, path } of Object.values(endpoints)) {
          const pattern = new RegExp(`^${method.toUpperCase()} ${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`)
          expect([method, path, asked.some((one) => pattern.test(one))]).toEqual([method, path, true])
        }
        for (const name of [
          'operator token',
          'drop-in operator token',
          'onboarding token',
          'gateway token',
          'webhook secret',
          'rotated secret',
          'ticket',
          'session',
        ])
          expect(secrets).toHaveProperty([name])
      }
      await gateway.close()
    },
  )
})

describe('the search', () => {
  it('finds a secret in every form that it knows', () => {
    const secret = planted.password
    const bytes = Buffer.from(secret)
    for (const text of [
      secret,
      JSON.stringify({ secret }),
      `?a=${encodeURIComponent(secret)}`,
      new URLSearchParams({ secret }).toString(),
      JSON.stringify(bytes),
      Buffer.from(`a${secret}z`).toString('base64'),
      Buffer.from(`ab${secret}`).toString('base64url'),
      Buffer.from(`abc${secret}yz`).toString('base64'),
    ])
      expect([text, findLeaks({ secret }, { text }).length > 0]).toEqual([text, true])
    expect(findLeaks({ secret }, { text: secret.slice(1) })).toEqual([])
  })
})

/** Every key and value of a database under a prefix, whatever its type. */
const dump = async (client: Redis, prefix: string): Promise<string> => {
  const seen: unknown[] = []
  for (const key of await client.keys(`${prefix}*`)) {
    const type = await client.type(key)
    if (type === 'string')
      seen.push(key, (await client.getBuffer(key))?.toString('latin1'), await client.get(key))
    else if (type === 'hash') seen.push(key, await client.hgetall(key))
    else if (type === 'set') seen.push(key, await client.smembers(key))
    else if (type === 'zset') seen.push(key, await client.zrange(key, '0', '-1'))
    else if (type === 'list') seen.push(key, await client.lrange(key, 0, -1))
    else if (type === 'stream') seen.push(key, await client.xrange(key, '-', '+'))
    // A key may have ended since it was found.
    else if (type !== 'none') throw new Error(`${key} is a ${type}`)
  }
  return seen.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))).join('\n')
}

describeWithRedis('secrets with Redis', () => {
  let database: TestDatabase
  let gateway: TestGateway
  beforeAll(async () => {
    database = await openRedis()
  })
  afterAll(() => database.stop())

  const ready = async (prefix: string) => {
    const made = await start({ REDIS_URL: database.url, REDIS_PREFIX: prefix, WRITE_DEADLINE_MS: '4000' })
    await until(async () => (await made.ask('GET', '/readyz')).body.redis === 'ready')
    return made
  }

  it('stand neither in what is kept there nor in what is ever sent there', async () => {
    const prefix = `${database.prefix}a:`
    const client = database.client()
    const commands: string[] = []
    const monitor = await client.duplicate().monitor()
    monitor.on('monitor', (_time, command: string[]) => commands.push(command.join(' ')))
    gateway = await ready(prefix)
    await search(gateway, 'none', async () => ({
      'Redis values': await dump(client, prefix),
      'Redis commands': commands.join('\n'),
    }))
    monitor.disconnect()
    await gateway.close()
  })

  it('and names stand not in the log either when Redis itself refuses a command', async () => {
    const prefix = `${database.prefix}b:`
    const client = database.client()
    gateway = await ready(prefix)
    gateway.simulator.addOperator(24, names.listed)
    await gateway.ask('GET', '/v1/organizations/24/operators')
    // Keys of another type make commands and scripts fail with WRONGTYPE; without a budget nothing would be asked.
    for (const key of await client.keys(`${prefix}*`)) {
      if (key.includes('budget')) continue
      await client.del(key)
      await client.lpush(key, 'x')
    }
    await gateway.ask('PATCH', '/v1/organizations/24/operators/101', { body: { status: 'inactive' } })
    await gateway.ask('POST', '/v1/organizations/24/operators', {
      body: { operators: [{ name: names.added }] },
    })
    expect(gateway.logged()).toContain('/v1/organizations/{org}/operators/{operator}')
    expect(findLeaks({ ...planted, ...names, known: 'John Smith' }, { log: gateway.logged() })).toEqual([])
    await gateway.close()
  })

  it('and the arguments of a refused command are not in the error that is logged', async () => {
    const client = database.client()
    const key = `${database.prefix}c`
    await client.lpush(key, 'x')
    const error = await client.append(key, names.added).catch((failure) => failure)
    expect(error.message).toContain('WRONGTYPE')
    expect(findLeaks(names, { error: JSON.stringify(error.command) })).not.toEqual([])
    const lines: string[] = []
    const { logger } = createLog('trace', { write: (line) => void lines.push(line) })
    logger.error({ err: error }, 'internal error')
    expect(lines.join()).toContain('WRONGTYPE')
    expect(findLeaks(names, { log: lines.join() })).toEqual([])
  })
})
