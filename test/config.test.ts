import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { hashKey, makeKey } from '../src/access/keys.ts'
import { type ConfigFaults, readConfig, settings } from '../src/config.ts'
import type { Setting } from '../src/setting.ts'
import { track } from './support/children.ts'
import { programOf } from './support/processes.ts'

const root = join(import.meta.dirname, '..')
const folder = mkdtempSync(join(tmpdir(), 'config-'))
afterAll(() => rmSync(folder, { recursive: true }))
const file = (name: string, text: string): string => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

const client = {
  id: 'crm',
  keyHash: hashKey(makeKey('crm')),
  scopes: ['operators:read'],
  organizations: [24],
}
const clients = (...entries: object[]): string => JSON.stringify({ clients: entries })
const good = { CHATHUB_COMPANY_TOKEN: 'ct_company-token', API_KEYS: clients(client) }

type Env = Record<string, string | undefined>
const faultsOf = (env: Env): string[] => {
  try {
    readConfig(env)
    return []
  } catch (error) {
    return (error as ConfigFaults).faults
  }
}
const withGood = (env: Env): string[] => faultsOf({ ...good, ...env })

describe('the settings', () => {
  it('have their defaults when only a token and a client are given', () => {
    const config = readConfig(good)
    expect(config.host).toBe('127.0.0.1')
    expect(config.port).toBe(8080)
    expect(config.chathubUrl.origin).toBe('https://chatapi.smsbat.com')
    expect(config).toMatchObject({ requestsPerSecond: 5, timeoutMs: 3000, queueMax: 200, instances: 1 })
    expect(config).toMatchObject({ freshMs: 60_000, organizationsFreshMs: 300_000, revalidateMs: 60_000 })
    expect(config).toMatchObject({
      waitMs: 800,
      staleMs: 3_600_000,
      readDeadlineMs: 5000,
      writeDeadlineMs: 15_000,
    })
    expect(config).toMatchObject({ authHeader: 'authorization', sessionSameSite: 'strict', logLevel: 'info' })
    expect(config.redisUrl).toBeUndefined()
    expect(config.opsPort).toBeUndefined()
    expect(config.corsOrigins).toEqual([])
  })

  it('treat an empty variable as unset', () => {
    const empty = Object.fromEntries(Object.values(settings).map(({ env }) => [env, '']))
    expect(readConfig({ ...empty, ...good })).toEqual(readConfig(good))
    expect(faultsOf(empty)).toEqual(faultsOf({}))
  })

  it('report every fault at once: the variable, the value unless secret, and what is wanted', () => {
    const faults = withGood({
      PORT: '65536',
      CHATHUB_BASE_URL: 'ftp://chat.example',
      CHATHUB_REQUESTS_PER_SECOND: '0',
      CHATHUB_AUTH_HEADER: 'cookie',
      CHATHUB_ALLOW_HTTP: 'yes',
      CACHE_FRESH_SECONDS: '1.5',
      SESSION_SECRET: 'too-short',
      REDIS_URL: 'http://:hunter2@redis',
      CORS_ORIGINS: 'https://a.example, https://b.example/',
      TRUST_PROXY: '10.0.0.0/8,everybody',
    })
    expect(faults).toEqual([
      'PORT="65536": wanted: a whole number from 0 to 65535',
      'CHATHUB_BASE_URL="ftp://chat.example": wanted: a URL starting with https:// or http://',
      'CHATHUB_ALLOW_HTTP="yes": wanted: true or false',
      'CHATHUB_AUTH_HEADER="cookie": wanted: one of authorization, x-authorization-key',
      'CHATHUB_REQUESTS_PER_SECOND="0": wanted: a whole number from 1 to 10000',
      expect.stringMatching(/^REDIS_URL: wanted: redis:/),
      'CACHE_FRESH_SECONDS="1.5": wanted: a whole number from 1 to 86400',
      'SESSION_SECRET: wanted: one line of at least 32 characters',
      expect.stringMatching(/^CORS_ORIGINS="https:\/\/b\.example\/": wanted: /),
      expect.stringMatching(/^TRUST_PROXY="everybody": wanted: /),
    ])
    expect(faults.join()).not.toContain('hunter2')
    expect(faults.join()).not.toContain('too-short')
  })

  it.each([
    ['CHATHUB_COMPANY_TOKEN', 'companyToken', 'ct_from-a-file'],
    ['CHATHUB_PASSWORD', 'password', 'a password'],
    ['REDIS_URL', 'redisUrl', 'redis://127.0.0.1'],
    ['SESSION_SECRET', 'sessionSecret', 's'.repeat(32)],
  ] as const)('read %s from a file, without its line end', (env, name, value) => {
    const path = file(env, `${value}\n`)
    const config = readConfig({
      ...good,
      CHATHUB_LOGIN: 'l',
      CHATHUB_PASSWORD: 'p',
      [env]: '',
      [`${env}_FILE`]: path,
    })
    expect(config[name]?.reveal()).toBe(value)
    expect(config.files).toEqual({ [name]: path })
    expect(
      withGood({ CHATHUB_LOGIN: 'l', CHATHUB_PASSWORD: 'p', [env]: value, [`${env}_FILE`]: path }),
    ).toEqual([`${env}: given twice, as itself and as ${env}_FILE; wanted: one of them`])
  })

  it('refuse a secret file that is unreadable, is empty, or holds more than one line', () => {
    const missing = join(folder, 'missing')
    expect(withGood({ SESSION_SECRET_FILE: missing })).toEqual([
      `SESSION_SECRET_FILE=${JSON.stringify(missing)}: cannot be read; wanted: a readable file`,
    ])
    const empty = file('empty', '\n')
    expect(withGood({ REDIS_URL_FILE: empty })).toEqual([
      `REDIS_URL_FILE=${JSON.stringify(empty)}: the file is empty; wanted: the secret`,
    ])
    const faults = faultsOf({
      ...good,
      CHATHUB_COMPANY_TOKEN: '',
      CHATHUB_COMPANY_TOKEN_FILE: file('two', 'one\ntwo\n'),
    })
    expect(faults[0]).toBe('CHATHUB_COMPANY_TOKEN: wanted: one line of visible ASCII characters')
  })

  it('never print a secret, in any form of output', () => {
    const config = readConfig({ ...good, CHATHUB_LOGIN: 'l', CHATHUB_PASSWORD: 'hunter2' })
    expect(`${JSON.stringify(config)} ${config.password} ${config.companyToken}`).not.toMatch(
      /hunter2|ct_company/,
    )
  })

  it('allow http: to ChatHub only on loopback, or with CHATHUB_ALLOW_HTTP', () => {
    for (const host of ['127.0.0.1:1234', 'localhost', '[::1]:80'])
      expect(withGood({ CHATHUB_BASE_URL: `http://${host}` })).toEqual([])
    for (const host of ['chat.example', '127.0.0.1.example', '10.0.0.1', 'localhost.example']) {
      expect(withGood({ CHATHUB_BASE_URL: `http://${host}` })).toEqual([
        expect.stringContaining(
          `CHATHUB_BASE_URL="http://${host}/": http: would show the company token; wanted: https:`,
        ),
      ])
      expect(withGood({ CHATHUB_BASE_URL: `http://${host}`, CHATHUB_ALLOW_HTTP: 'true' })).toEqual([])
    }
  })

  it.each(['/api', '/?a=1', '/#a', 'user@', ':hunter2@'])(
    'require an origin only for ChatHub, without %s',
    (part) => {
      const url = part.endsWith('@') ? `https://${part}chat.example` : `https://chat.example${part}`
      const faults = withGood({ CHATHUB_BASE_URL: url })
      expect(faults).toEqual([
        expect.stringMatching(/^CHATHUB_BASE_URL.*: wanted: (an origin alone|.* without user and password$)/),
      ])
      expect(faults.join()).not.toContain('hunter2')
    },
  )

  it('require the company token, or login and password together', () => {
    const keys = { API_KEYS: good.API_KEYS }
    expect(faultsOf(keys)).toEqual([expect.stringMatching(/^CHATHUB_COMPANY_TOKEN: unset; wanted: /)])
    expect(faultsOf({ ...keys, CHATHUB_LOGIN: 'l', CHATHUB_PASSWORD: 'p' })).toEqual([])
    expect(withGood({ CHATHUB_LOGIN: 'l' })).toEqual([
      'CHATHUB_PASSWORD: unset; wanted: login and password together',
    ])
    expect(withGood({ CHATHUB_PASSWORD: 'p' })).toEqual([
      'CHATHUB_LOGIN: unset; wanted: login and password together',
    ])
  })

  it('require all of the JWT settings or none', () => {
    const jwt = {
      JWT_JWKS_URL: 'https://idp.example/jwks',
      JWT_ISSUER: 'https://idp.example',
      JWT_AUDIENCE: 'gateway',
    }
    expect(withGood(jwt)).toEqual([])
    for (const name of Object.keys(jwt))
      expect(withGood({ ...jwt, [name]: '' })).toEqual([
        expect.stringContaining('only some are set; wanted: all or none'),
      ])
    expect(withGood({ ...jwt, JWT_JWKS_URL: 'http://idp.example/jwks' })).toEqual([
      expect.stringMatching(/^JWT_JWKS_URL="http:.*wanted: https:/),
    ])
  })

  it('refuse a start without any client', () => {
    const { API_KEYS: _keys, ...token } = good
    expect(faultsOf(token)).toEqual([
      expect.stringMatching(/^API_KEYS_FILE: unset; .*nobody could ever call/),
    ])
    expect(withGood({ API_KEYS: clients() })).toEqual([expect.stringMatching(/^API_KEYS: lists nobody/)])
    const jwt = { JWT_JWKS_URL: 'https://idp.example/jwks', JWT_ISSUER: 'i', JWT_AUDIENCE: 'a' }
    expect(faultsOf({ ...token, ...jwt })).toEqual([])
    expect(withGood({ ...jwt, API_KEYS: clients() })).toEqual([])
  })

  it('name every invalid client entry with its path', () => {
    const invalid = clients(
      { ...client, id: 'no spaces' },
      { ...client, scopes: ['operators:read', 'operators:everything'] },
      { ...client, keyHash: 'sha256:ABC' },
      { ...client, organizations: [0] },
      { ...client, requestsPerMinute: 0 },
      { ...client, expiresAt: 'tomorrow' },
      { ...client, secret: 'cgw_crm_secret' },
    )
    const paths = [
      '0/id',
      '1/scopes/1',
      '2/keyHash',
      '3/organizations/0',
      '4/requestsPerMinute',
      '5/expiresAt',
      '6',
    ]
    for (const [env, name] of [
      [{ API_KEYS: invalid }, 'API_KEYS'],
      [{ API_KEYS: '', API_KEYS_FILE: file('clients.json', invalid) }, 'API_KEYS_FILE'],
    ] as const) {
      const faults = withGood(env)
      for (const path of paths)
        expect(faults).toContainEqual(expect.stringMatching(new RegExp(`^${name}: /clients/${path}[:/ ]`)))
      expect(faults.join()).not.toContain('cgw_crm_secret')
    }
    expect(withGood({ API_KEYS: '{' })).toEqual(['API_KEYS: not JSON; wanted: {"clients":[…]}'])
    expect(withGood({ API_KEYS_FILE: join(folder, 'clients.json') })[0]).toMatch(/^API_KEYS: given twice/)
    const missing = join(folder, 'nowhere.json')
    expect(withGood({ API_KEYS: '', API_KEYS_FILE: missing })).toEqual([
      `API_KEYS_FILE=${JSON.stringify(missing)}: cannot be read; wanted: a readable file`,
    ])
  })
})

describe('a start with faults', () => {
  it('exits with 78, names all of them on stderr, and prints no secret', async () => {
    const child = spawn(process.execPath, [programOf('main')], {
      env: {
        PORT: '-1',
        LOG_LEVEL: 'loud',
        CHATHUB_PASSWORD: 'hunter2-secret',
        REDIS_URL: 'invalid-secret',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let [out, err] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text) => (out += text))
    child.stderr.setEncoding('utf8').on('data', (text) => (err += text))
    expect(await track(child)).toEqual({ code: 78, signal: null })
    for (const name of ['PORT="-1"', 'LOG_LEVEL="loud"', 'CHATHUB_LOGIN', 'REDIS_URL', 'API_KEYS_FILE'])
      expect(err).toContain(`\n  ${name}: `)
    expect(err).toMatch(/^The settings have 6 faults:\n/)
    expect(out + err).not.toMatch(/secret/)
    expect(out).toBe('')
  })
})

/** The expected content of `.env.example`. */
const example = (): string => {
  const rows = Object.values(settings as Record<string, Setting<unknown>>).map(
    ({ env, sentence, fallback, secret }) =>
      `# ${sentence}${secret ? `\n# Or ${env}_FILE: a file that holds it, re-read when it changes.` : ''}\n${env}=${fallback ?? ''}\n`,
  )
  return `# Every setting with its default, in the order of src/config.ts. An empty variable counts as unset.\n\n${rows.join('\n')}`
}

describe('.env.example', () => {
  it('lists exactly the settings, in their order, with default and sentence', () => {
    const path = join(root, '.env.example')
    // UPDATE=true npm test -- test/config.test.ts writes the file.
    if (process.env['UPDATE'] === 'true') writeFileSync(path, example())
    expect(readFileSync(path, 'utf8')).toBe(example())
  })

  it('is a valid environment with a token and a client filled in', () => {
    const lines = example()
      .split('\n')
      .filter((line) => /^[A-Z]/.test(line))
    const env = Object.fromEntries(lines.map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]))
    expect(readConfig({ ...env, ...good })).toEqual(readConfig(good))
  })
})
