import { describe, expect, it } from '@jest/globals'
import { ConfigFaults, readConfig } from '../../src/config.ts'
import { parseRedisUrl } from '../../src/redis/redis-url.ts'
import { urlForms } from '../compatibility/redis.ts'

const common = {
  kind: 'single',
  tls: false,
  username: undefined,
  password: undefined,
  master: '',
  db: 0,
  family: 0,
}
const good = urlForms.filter(({ read }) => read)
const bad = urlForms.filter(({ read }) => !read)

describe('REDIS_URL', () => {
  it.each(good)('$form is read: $example', ({ example, read }) => {
    expect(parseRedisUrl(example)).toEqual({ ...common, ...read })
  })

  it.each(bad)('$form is a fault of the settings: $example', ({ example, result }) => {
    const wanted = result.slice(result.indexOf('wanted: '))
    const read = () => readConfig({ REDIS_URL: example, CHATHUB_COMPANY_TOKEN: 'token', API_KEYS: keys })
    expect(read).toThrow(ConfigFaults)
    expect(read).toThrow(new RegExp(`^The settings have 1 fault:\n  REDIS_URL: ${escaped(wanted)}$`))
    expect(read).not.toThrow(/secret/)
  })

  it('has samples of both kinds', () => {
    expect([good.length > 30, bad.length > 20]).toEqual([true, true])
  })
})

const keys = JSON.stringify({
  clients: [{ id: 'one', keyHash: `sha256:${'0'.repeat(64)}`, scopes: [], organizations: '*' }],
})
const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
