import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { Ajv } from 'ajv'
import { parse } from 'yaml'
import { readConfig } from '../src/config.ts'
import { scopes } from '../src/contract/scopes.ts'

type Service = {
  environment?: Record<string, string>
  depends_on?: Record<string, { condition: string }>
  restart?: string
  ports?: string[]
  command?: string[]
  volumes?: string[]
}
type Compose = { services: Record<string, Service>; volumes?: Record<string, unknown> }

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')
const compose = (): Compose => parse(read('docker-compose.yml'), { merge: true })
/** The schema. Its ids are of an old draft, and nothing refers to them. */
const { $schema: _, ...schema } = JSON.parse(read('test/vendor/compose-spec.json'), (key, value) =>
  key === 'id' && typeof value === 'string' ? undefined : value,
)
const isValid = new Ajv({ strict: false, validateFormats: false }).compile(schema)
/** The services that a service waits for although they do not exist. */
const missing = ({ services }: Compose): string[] =>
  Object.values(services)
    .flatMap(({ depends_on }) => Object.keys(depends_on ?? {}))
    .filter((name) => !(name in services))
const gateways = ({ services }: Compose): Service[] =>
  Object.entries(services).flatMap(([name, service]) => (name.startsWith('gateway') ? service : []))

describe('docker-compose.yml', () => {
  it('is valid by the schema of the Compose Specification, which finds faults', () => {
    isValid(compose())
    expect(isValid.errors).toBeNull()
    expect(isValid({ services: { redis: { image: 7 } } })).toBe(false)
    expect(isValid({ services: { redis: { restarts: 'always' } } })).toBe(false)
    expect(isValid({ services: { redis: { depends_on: { a: { condition: 'ready' } } } } })).toBe(false)
  })

  it('waits only for services that exist, also without the simulator', () => {
    const whole = compose()
    expect(missing(whole)).toEqual([])
    delete whole.services['simulator']
    expect(missing(whole)).toEqual([])
    expect(missing({ services: { a: { depends_on: { b: { condition: 'service_started' } } } } })).toEqual([
      'b',
    ])
  })

  it('gives valid settings, also for a real ChatHub as its comment says', () => {
    expect(gateways(compose())).toHaveLength(2)
    for (const { environment = {} } of gateways(compose())) {
      expect(readConfig(environment).warnings).toEqual([])
      const { CHATHUB_BASE_URL, CHATHUB_ALLOW_HTTP, CHATHUB_LOGIN, CHATHUB_PASSWORD, ...rest } = environment
      const real = readConfig({ ...rest, CHATHUB_COMPANY_TOKEN: 'ct_x' })
      expect([real.chathubUrl.protocol, real.opsPort]).toEqual(['https:', 9090])
    }
  })

  it('has a sample key for every line of the README, and starts again what ends', () => {
    for (const { environment = {} } of gateways(compose())) {
      const [client] = readConfig(environment).clientEntries
      const served = scopes.filter((scope) => scope !== 'webhooks:manage')
      expect(client?.scopes.toSorted()).toEqual(served.toSorted())
    }
    for (const [name, { restart }] of Object.entries(compose().services))
      expect([name, restart]).toEqual([name, 'unless-stopped'])
  })

  it('keeps Redis on a volume, bounded, without eviction', () => {
    const { services, volumes } = compose()
    const { command = [], volumes: mounted } = services['redis'] as Service
    const option = (name: string) => command[command.indexOf(`--${name}`) + 1]
    expect([option('appendonly'), option('maxmemory-policy')]).toEqual(['yes', 'noeviction'])
    expect(option('maxmemory')).toMatch(/^\d+mb$/)
    expect(mounted).toEqual(['redis-data:/data'])
    expect(Object.keys(volumes ?? {})).toEqual(['redis-data'])
  })

  it('publishes no port of the operators’ listener', () => {
    for (const { ports = [] } of Object.values(compose().services))
      for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:8080$/)
  })
})
