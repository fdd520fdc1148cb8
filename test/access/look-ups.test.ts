import { describe, expect, it } from '@jest/globals'
import { createGatewayTokens } from '../../src/access/gateway-tokens.ts'
import { createKeys } from '../../src/access/keys.ts'
import { createSessions } from '../../src/access/sessions.ts'
import type { Records } from '../../src/redis/records.ts'
import { Secret } from '../../src/secret.ts'
import { createClock } from '../support/clock.ts'

const wrong = [
  '',
  'x',
  'cgt_',
  'cgt_short',
  `cgt_${'a'.repeat(44)}`,
  'a'.repeat(42),
  'a'.repeat(5000),
  '='.repeat(43),
]

describe('a credential that cannot be one', () => {
  const clock = createClock()
  const keys = createKeys([], clock)
  const asked: string[] = []
  const ask = async (key: string) => void asked.push(key)
  const records = { get: ask, take: ask } as unknown as Records
  const tokens = createGatewayTokens({ keys, records, clock, limit: () => {} })
  const sessions = createSessions({ secret: new Secret('s'.repeat(32)), records, keys, clock })

  it('is refused without a look-up, which may be a round trip to Redis', async () => {
    for (const text of wrong) {
      expect(await tokens.find(text)).toBeUndefined()
      expect(await sessions.find(text)).toBeUndefined()
      await expect(sessions.open(text, () => {})).rejects.toMatchObject({ code: 'session.ticket' })
    }
    expect(asked).toEqual([])
  })

  it('is looked up when it could be one', async () => {
    const id = 'A-z_0123456'.padEnd(43, 'x')
    expect(await tokens.find(`cgt_${id}`)).toBeUndefined()
    expect(await sessions.find(id)).toBeUndefined()
    await expect(sessions.open(id, () => {})).rejects.toMatchObject({ code: 'session.ticket' })
    expect(asked.map((key) => key.split(':')[0])).toEqual(['token', 'session', 'ticket'])
  })
})
