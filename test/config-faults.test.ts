import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { hashKey, makeKey } from '../src/access/keys.ts'
import { type ConfigFaults, readConfig } from '../src/config.ts'
import { track } from './support/children.ts'
import { programOf } from './support/processes.ts'

const folder = mkdtempSync(join(tmpdir(), 'config-faults-'))
afterAll(() => rmSync(folder, { recursive: true }))

const client = {
  id: 'crm',
  keyHash: hashKey(makeKey('crm')),
  scopes: ['operators:read'],
  organizations: [24],
}
const clients = (...entries: object[]): string => JSON.stringify({ clients: entries })
const good = { CHATHUB_COMPANY_TOKEN: 'ct_company-token', API_KEYS: clients(client) }
const jwt = { JWT_JWKS_URL: 'https://idp.example/jwks', JWT_ISSUER: 'i', JWT_AUDIENCE: 'a' }

const faultsOf = (env: Record<string, string>): string[] => {
  try {
    readConfig({ ...good, ...env })
    return []
  } catch (error) {
    return (error as ConfigFaults).faults
  }
}

type Row = [env: Record<string, string>, fault: RegExp]
const roleOf = (more: object) =>
  JSON.stringify({ g: { scopes: ['operators:read'], organizations: [24], ...more } })
const oidc = { OIDC_ISSUER: 'https://idp.example', OIDC_CLIENT_ID: 'gateway', OIDC_ROLES: roleOf({}) }
const secretSession = { SESSION_SECRET: 's'.repeat(32) }
const invalid: Row[] = [
  ...['10.0.0.0/99', '10.0.0.0/0', 'abc', '999.1.1.1', '::1/129', '10.0.0.0/8/8', 'fe80::1%eth0'].map(
    (cidr): Row => [{ TRUST_PROXY: cidr }, /^TRUST_PROXY=".*": wanted: addresses or CIDRs/],
  ),
  ...['invalid-SECRET', 'redis://:SECRET@', 'redis://:SECRET@h:99999', 'redis+sentinel://a,b'].map(
    (url): Row => [{ REDIS_URL: url }, /^REDIS_URL: wanted: /],
  ),
  ...['999.1.1.1', 'no spaces', 'http://127.0.0.1', 'a..b', '10.0.0.1:80'].map(
    (host): Row => [{ HOST: host }, /^HOST=".*": wanted: an address or a host name$/],
  ),
  ...['rows=49999', 'operations=0', 'operations', 'bytes=5', 'rows=1000000000', 'rows=60000 tokens=1'].map(
    (quotas): Row => [
      { QUOTAS_PER_CLIENT: quotas },
      /^QUOTAS_PER_CLIENT=".*": wanted: operations, rows, .* as in operations=10, rows at least 50000$/,
    ],
  ),
  [
    { QUOTAS_PER_ORGANIZATION: 'tokens=5' },
    /^QUOTAS_PER_ORGANIZATION="tokens=5": wanted: operations, rows, each/,
  ],
  [
    { OPERATION_ROWS_KEEP_HOURS: '1', WRITE_LATE_WINDOW_SECONDS: '3601' },
    /^OPERATION_ROWS_KEEP_HOURS="1": wanted: at least WRITE_LATE_WINDOW_SECONDS/,
  ],
  [
    { OIDC_ISSUER: 'https://idp.example' },
    /^OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_ROLES: only some are set; wanted: all/,
  ],
  [
    { ...oidc, OIDC_ISSUER: 'http://idp.example' },
    /^OIDC_ISSUER=".*": wanted: https:, or http: on loopback$/,
  ],
  [{ ...oidc, HOST: '0.0.0.0' }, /^OIDC_ISSUER: needs sessions; wanted: a session secret too/],
  [{ ...oidc, OIDC_ROLES: '{' }, /^OIDC_ROLES: not JSON; wanted: \{"<group>"/],
  [{ ...oidc, OIDC_ROLES: '{}' }, /^OIDC_ROLES: lists no group; wanted: at least one/],
  [{ ...oidc, OIDC_ROLES: roleOf({ scopes: ['root'] }) }, /^OIDC_ROLES: \/g\/scopes\/0: wanted: one of /],
  [
    { ...oidc, OIDC_ROLES: roleOf({ organizations: 24 }) },
    /^OIDC_ROLES: \/g\/organizations: wanted: "\*" or a list/,
  ],
  [
    { ...oidc, OIDC_ROLES: roleOf({ more: 1 }) },
    /^OIDC_ROLES: \/g\/more: not known; wanted: only scopes, organizations$/,
  ],
  [{ PORT: '9000', OPS_PORT: '9000' }, /^OPS_PORT="9000": wanted: another port than PORT$/],
  [{ CHATHUB_COMPANY_TOKEN: 'ключ-SECRET' }, /^CHATHUB_COMPANY_TOKEN: wanted: .* visible ASCII/],
  [{ CHATHUB_COMPANY_TOKEN: 'two SECRETs' }, /^CHATHUB_COMPANY_TOKEN: wanted: .* visible ASCII/],
  [{ CHATHUB_BASE_URL: 'ftp://u:SECRET@h' }, /^CHATHUB_BASE_URL: wanted: a URL starting with https:/],
  [{ CHATHUB_BASE_URL: 'u:SECRET@x.com' }, /^CHATHUB_BASE_URL: wanted: a URL starting with https:/],
  [
    { CHATHUB_BASE_URL: 'https://u:SECRET@x.com' },
    /^CHATHUB_BASE_URL: wanted: .* without user and password$/,
  ],
  [{ ...jwt, JWT_JWKS_URL: 'http://u:SECRET@h/x' }, /^JWT_JWKS_URL: wanted: .* without user and password$/],
  [{ WEBHOOK_HOSTS: 'https://a.example' }, /^WEBHOOK_HOSTS="https:\/\/a\.example": wanted: hosts such as/],
  [
    { WEBHOOK_PRIVATE_HOSTS: 'a=10.0.0.0/99' },
    /^WEBHOOK_PRIVATE_HOSTS="a=10.*": wanted: hosts with a network/,
  ],
  [{ CORS_ORIGINS: 'https://u:SECRET@x.com' }, /^CORS_ORIGINS: wanted: exact origins/],
  [{ ...jwt, JWT_JWKS_URL: 'zzz' }, /^JWT_JWKS_URL="zzz": wanted: a URL/],
  [
    { ...secretSession, SESSION_SAME_SITE: 'none', CORS_ORIGINS: 'https://a.example,http://b.example' },
    /^CORS_ORIGINS="http:\/\/b\.example": wanted: https: origins alone/,
  ],
  [
    { CHATHUB_COMPANY_TOKEN: '', CHATHUB_LOGIN: 'l', CHATHUB_PASSWORD_FILE: join(folder, 'none') },
    /^CHATHUB_PASSWORD_FILE=".*": cannot be read/,
  ],
  [
    { API_KEYS: clients({ ...client, expiresAt: '2020-01-01T00:00:00Z' }) },
    /^API_KEYS: lists nobody who has not expired; .*nobody could ever call$/,
  ],
  [
    { API_KEYS: clients(client, { ...client, id: 'other' }) },
    /^API_KEYS: \/clients\/1\/keyHash: listed before/,
  ],
  [
    { API_KEYS: clients(client, { ...client, scopes: [] }) },
    /^API_KEYS: \/clients\/1\/keyHash: listed before/,
  ],
  [
    { API_KEYS: clients({ ...client, organizations: 'all' }) },
    /^API_KEYS: \/clients\/0\/organizations: wanted: "\*" or a list of ids$/,
  ],
]

describe('an invalid setting', () => {
  it.each(invalid)('%j gives one fault that says what is wanted and contains no secret', (env, fault) => {
    const faults = faultsOf(env)
    expect(faults).toEqual([expect.stringMatching(fault)])
    expect(faults.join()).not.toMatch(/SECRET/)
  })

  it.each<Record<string, string>>([
    { TRUST_PROXY: '10.0.0.0/8, 127.0.0.1, ::1, fd00::/8' },
    { REDIS_URL: 'redis://user:p%20w@redis_1:6380/2' },
    { REDIS_URL: 'rediss://:p@ss@redis.example' },
    { REDIS_URL: 'redis://[::1]:6379' },
    { REDIS_URL: 'redis+sentinel://:pw@a:26379,b/mymaster' },
    { REDIS_URL: 'redis+cluster://u:pw@a:7000,b:7001,c' },
    { HOST: '::' },
    { HOST: '0.0.0.0' },
    { HOST: 'gateway.internal' },
    { PORT: '0', OPS_PORT: '0' },
    { ...secretSession, SESSION_SAME_SITE: 'none', CORS_ORIGINS: 'https://a.example' },
    { API_KEYS: clients(client, client) },
    { API_KEYS: clients({ ...client, keyHash: hashKey('x'.repeat(32)) }, client) },
    { ...jwt, API_KEYS: clients({ ...client, expiresAt: '2020-01-01T00:00:00Z' }) },
  ])('is not: %j', (env) => {
    expect(faultsOf(env)).toEqual([])
  })
})

describe('a start that fails', () => {
  const start = async (env: Record<string, string>) => {
    const child = spawn(process.execPath, [programOf('main')], {
      env: { ...good, PORT: '0', ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text))
    return { ...(await track(child)), stderr }
  }

  it('exits with 78 and no stack for settings that only their consumers could refuse', async () => {
    const { code, stderr } = await start({ TRUST_PROXY: '10.0.0.0/99', REDIS_URL: 'redis://:p#w' })
    expect(code).toBe(78)
    expect(stderr.split('\n')).toHaveLength(4)
  })

  it('exits with 69 and one line with the address when it cannot listen', async () => {
    const { code, stderr } = await start({ HOST: 'nowhere.invalid' })
    expect(code).toBe(69)
    expect(stderr).toMatch(/^HOST=nowhere\.invalid PORT=0: .*E\w+ nowhere\.invalid.*\n$/)
  })
})
