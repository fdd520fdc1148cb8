import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { readConfig } from '../src/config.ts'
import { parseJson } from '../src/http/parse-json.ts'
import { textOf } from '../src/watch-file.ts'
import { fileRows, quoteRows, text } from './compatibility/settings.ts'
import { spawnGateway, stopEverything } from './support/processes.ts'
import { until } from './support/until.ts'

const clients =
  '{"clients":[{"id":"a","keyHash":"sha256:037c911918a3a796a603c796fa72cb3de255a50f82a10995a3f1893e969f30c7","scopes":["operators:read"],"organizations":"*"}]}'
const good = { CHATHUB_LOGIN: 'demo', CHATHUB_PASSWORD: 'demo', API_KEYS: clients }
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'config-files-'))
})
afterAll(async () => {
  await stopEverything()
  await rm(folder, { recursive: true })
})
const write = async (name: string, bytes: Buffer): Promise<string> => {
  await writeFile(join(folder, name), bytes)
  return join(folder, name)
}

describe('a secret file', () => {
  it.each(fileRows)('$form, $example, is $result', async ({ bytes }) => {
    const path = await write('password', bytes)
    const { CHATHUB_PASSWORD: _, ...env } = good
    expect(readConfig({ ...env, CHATHUB_PASSWORD_FILE: path }).password?.reveal()).toBe(text)
    // The same text again when the file is watched.
    expect(textOf(bytes).replace(/\r?\n$/, '')).toBe(text)
  })

  it.each(['companyToken', 'redisUrl', 'sessionSecret', 'clients'] as const)(
    'of %s may begin with a byte order mark',
    async (name) => {
      const [variable, value] = {
        companyToken: ['CHATHUB_COMPANY_TOKEN', 'ct_token-of-a-company'],
        redisUrl: ['REDIS_URL', 'redis://127.0.0.1:6379'],
        sessionSecret: ['SESSION_SECRET', 'a-secret-of-at-least-32-characters'],
        clients: ['API_KEYS', clients],
      }[name] as [string, string]
      const path = await write(name, Buffer.from(`\uFEFF${value}\n`))
      const env: Record<string, string> = { ...good, [`${variable}_FILE`]: path }
      delete env[variable]
      expect(readConfig(env)[name]?.reveal()).toBe(value)
    },
  )
})

describe('a byte order mark', () => {
  it('before the first variable of an env file, or before a value, is dropped', () => {
    expect(readConfig({ ...good, '\uFEFFPORT': '9123' }).port).toBe(9123)
    expect(readConfig({ ...good, PORT: '\uFEFF9124' }).port).toBe(9124)
    expect(readConfig({ ...good, API_KEYS: `\uFEFF${clients}` }).clientEntries).toHaveLength(1)
  })

  it('before a JSON body is dropped', () => {
    expect(parseJson(Buffer.from('\uFEFF{"status":"active"}'), 1)).toEqual({ status: 'active' })
  })
})

describe('a variable that is nearly a setting', () => {
  it.each([
    ['CACHE_FRESH_SECOND', 'is no setting; is CACHE_FRESH_SECONDS meant?'],
    ['REDIS_URI', 'is no setting; is REDIS_URL meant?'],
    ['METRICS_ORGANISATION_MAX', 'is no setting; is METRICS_ORGANIZATIONS_MAX meant?'],
    ['JWT_ISSUER_FILE', 'is not read; JWT_ISSUER cannot be given as a file'],
  ])('%s is warned of', (variable, why) => {
    expect(readConfig({ ...good, [variable]: 'value-s3cret' }).warnings).toEqual([`${variable}: ${why}`])
  })

  it('is named beside the faults that follow from it', () => {
    const { API_KEYS: API_KEY, ...rest } = good
    expect(() => readConfig({ ...rest, API_KEY })).toThrow(
      /API_KEYS_FILE: unset; [\s\S]*\n {2}API_KEY: is no setting; is API_KEYS/,
    )
  })

  it('is not warned of when it is empty, is of another program, or the setting is there too', () => {
    const others = [
      'FTP_PROXY',
      'ALL_PROXY',
      'HOSTNAME',
      'HOSTS',
      'REDIS_PORT',
      'CHATHUB_GATEWAY_PORT',
      'LOGNAME',
    ]
    const env = { ...Object.fromEntries(others.map((name) => [name, 'x'])), REDIS_URI: '', API_KEY: 'x' }
    expect(readConfig({ ...good, ...env }).warnings).toEqual([])
  })
})

describe('quotes around a value', () => {
  it.each(quoteRows)('$example is $result', ({ value, isWarned }) => {
    const { password, warnings } = readConfig({ ...good, CHATHUB_PASSWORD: value })
    expect(password?.reveal()).toBe(value)
    const warning = expect.stringMatching(/^CHATHUB_PASSWORD: its value is in quotes/)
    expect(warnings).toEqual(isWarned ? [warning] : [])
  })

  it('that make a value invalid are named by its fault', () => {
    for (const env of [{ CHATHUB_BASE_URL: '"https://chatapi.example.com"' }, { PORT: "'8080'" }])
      expect(() => readConfig({ ...good, ...env })).toThrow(/wanted: .*; its value is in quotes/)
  })

  it('are in the log at the start, and the value is not', async () => {
    const gateway = await spawnGateway({ env: { ...good, PORT: '0', CHATHUB_PASSWORD: '"pass-s3cret"' } })
    await until(() => gateway.output().includes('CHATHUB_PASSWORD: its value is in quotes'))
    expect(gateway.output()).not.toContain('s3cret')
    await gateway.stop()
  })
})
