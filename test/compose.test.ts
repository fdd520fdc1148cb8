import { existsSync, readFileSync } from 'node:fs'
import { BlockList } from 'node:net'
import { parseEnv } from 'node:util'
import { describe, expect, it } from '@jest/globals'
import { Ajv } from 'ajv'
import { parse } from 'yaml'
import { readConfig } from '../src/config.ts'
import { scopes } from '../src/contract/scopes.ts'

type Service = {
  env_file?: string[]
  profiles?: string[]
  environment?: Record<string, string>
  depends_on?: Record<string, { condition: string }>
  restart?: string
  ports?: string[]
  command?: string[]
  volumes?: string[]
  networks?: { default: { ipv4_address: string } }
}
type Compose = {
  services: Record<string, Service>
  volumes?: Record<string, unknown>
  networks?: { default: { ipam: { config: { subnet: string; ip_range: string }[] } } }
}

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
/** The default of `${NAME:-default}`. */
const defaultOf = (text = ''): string => /^\$\{\w+:-(.*)\}/.exec(text)?.[1] ?? text
const envFile = (path: string) => parseEnv(read(path)) as Record<string, string>
/** The settings of a gateway without one of its own. */
const settingsOf = ({ env_file: [path] = [], environment }: Service): Record<string, string> => ({
  ...envFile(defaultOf(path)),
  ...environment,
})

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

  it('gives valid settings, also for a real ChatHub as its example says', () => {
    expect(gateways(compose())).toHaveLength(2)
    for (const service of gateways(compose())) {
      expect(readConfig(settingsOf(service)).warnings).toEqual([])
      const files = Object.entries(envFile('deploy/compose/production.env.example'))
      expect(files.every(([, path]) => path.startsWith('/run/secrets/'))).toBe(true)
      const given: Record<string, string> = {
        CHATHUB_COMPANY_TOKEN: 'ct_x',
        TOKEN_ENCRYPTION_SECRET: 's'.repeat(32),
        API_KEYS: settingsOf(service)['API_KEYS'] as string,
      }
      const names = files.map(([name]) => name.replace(/_FILE$/, ''))
      expect(names.toSorted()).toEqual(Object.keys(given).toSorted())
      const real = readConfig({ ...service.environment, ...given })
      expect([real.chathubUrl.protocol, real.opsPort]).toEqual(['https:', 9090])
    }
  })

  it('has a sample key for every line of the README, and starts again what ends', () => {
    for (const service of gateways(compose())) {
      const [client] = readConfig(settingsOf(service)).clientEntries
      const served = scopes.filter((scope) => scope !== 'webhooks:manage')
      expect(client?.scopes.toSorted()).toEqual(served.toSorted())
    }
    for (const [name, { restart }] of Object.entries(compose().services))
      expect([name, restart]).toEqual([name, 'unless-stopped'])
  })

  it('adds simulator, Prometheus and Grafana by profiles, and mounts only files that exist', () => {
    const { services } = compose()
    const profiles = Object.entries(services).map(([name, { profiles: of = [] }]) => [name, of.join()])
    expect(Object.fromEntries(profiles.filter(([, of]) => of))).toEqual({
      simulator: 'simulator',
      prometheus: 'observability',
      grafana: 'observability',
    })
    const sources = Object.values(services)
      .flatMap(({ volumes = [] }) => volumes.map((volume) => defaultOf(volume).split(':')[0] ?? ''))
      .filter((source) => source.startsWith('./'))
    expect(sources.length).toBeGreaterThan(4)
    expect(sources.filter((path) => !existsSync(new URL(`../${path}`, import.meta.url)))).toEqual([])
  })

  it('sends callers to both gateways, and Prometheus to what they tell about themselves', () => {
    const names = Object.keys(compose().services).filter((name) => name.startsWith('gateway'))
    const servers = [...read('deploy/nginx/nginx.conf').matchAll(/^ *server (\S+):8080 /gm)].map(
      ([, name]) => name,
    )
    expect(servers).toEqual(names)
    const { scrape_configs } = parse(read('deploy/prometheus/prometheus.yml'))
    expect(scrape_configs[0].static_configs[0].targets).toEqual(names.map((name) => `${name}:9090`))
  })

  it('gives balancer and gateways addresses that stay, and no other container one of them', () => {
    const { services, networks } = compose()
    const [range] = networks?.default.ipam.config ?? []
    const listOf = (cidr = ''): BlockList => {
      const list = new BlockList()
      const [address = '', bits] = cidr.split('/')
      list.addSubnet(address, Number(bits))
      return list
    }
    const [subnet, others] = [listOf(range?.subnet), listOf(range?.ip_range)]
    const fixed = Object.entries(services).flatMap(([name, { networks: of }]) =>
      of ? [[name, of.default.ipv4_address] as const] : [],
    )
    expect(fixed.map(([name]) => name)).toEqual(['gateway-1', 'gateway-2', 'balancer'])
    expect(new Set(fixed.map(([, address]) => address)).size).toBe(3)
    for (const [, address] of fixed)
      expect([subnet.check(address), others.check(address)]).toEqual([true, false])
    for (const service of gateways(compose()))
      expect(service.environment?.['TRUST_PROXY']).toBe(services['balancer']?.networks?.default.ipv4_address)
  })

  it('keeps Redis on a volume, bounded, without eviction', () => {
    const { services, volumes } = compose()
    const { command = [], volumes: mounted } = services['redis'] as Service
    const option = (name: string) => command[command.indexOf(`--${name}`) + 1]
    expect([option('appendonly'), option('maxmemory-policy')]).toEqual(['yes', 'noeviction'])
    expect(option('maxmemory')).toMatch(/^\d+mb$/)
    expect(mounted).toEqual(['redis-data:/data'])
    expect(Object.keys(volumes ?? {})).toContain('redis-data')
  })

  it('publishes to this machine alone, and no port of a gateway', () => {
    for (const [name, { ports = [] }] of Object.entries(compose().services)) {
      for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/)
      if (name.startsWith('gateway')) expect(ports).toEqual([])
    }
  })
})
