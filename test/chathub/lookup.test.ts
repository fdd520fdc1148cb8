import type { LookupAddress } from 'node:dns'
import { describe, expect, it } from '@jest/globals'
import { createLookup } from '../../src/chathub/lookup.ts'

/** A name server that says what it is told to say. */
const at = () => {
  let says: Error | string[] = []
  const asked: string[] = []
  const lookup = createLookup((host, options, done) => {
    asked.push(`${host} ${options.all}`)
    if (says instanceof Error) done(says, [])
    else
      done(
        null,
        says.map((address): LookupAddress => ({ address, family: address.includes(':') ? 6 : 4 })),
      )
  })
  const ask = (answer: Error | string[], host = 'chatapi.example'): Promise<string[]> => {
    says = answer
    return new Promise((resolve, reject) =>
      lookup(host, {}, (error, addresses) =>
        error ? reject(error) : resolve(addresses.map(({ address }) => address)),
      ),
    )
  }
  return { ask, asked }
}
const away = Object.assign(new Error('queryA ENOTFOUND'), { code: 'ENOTFOUND' })

describe('the name of ChatHub', () => {
  it('leads where the name server says, all addresses of both families', async () => {
    const { ask, asked } = at()
    expect(await ask(['93.184.216.34', '2606:2800:220:1::1'])).toEqual([
      '93.184.216.34',
      '2606:2800:220:1::1',
    ])
    expect(asked).toEqual(['chatapi.example true'])
  })

  it('follows when ChatHub moves', async () => {
    const { ask } = at()
    await ask(['93.184.216.34'])
    expect(await ask(['93.184.216.35'])).toEqual(['93.184.216.35'])
    expect(await ask(away)).toEqual(['93.184.216.35'])
  })

  it('is unknown when it never was known', async () => {
    await expect(at().ask(away)).rejects.toBe(away)
  })

  it('keeps its last good addresses while the name server is away, each name its own', async () => {
    const { ask } = at()
    await ask(['93.184.216.34'])
    expect(await ask(away)).toEqual(['93.184.216.34'])
    await expect(ask(away, 'other.example')).rejects.toBe(away)
  })

  const own = [
    '127.0.0.1',
    '127.255.255.254',
    '0.0.0.0',
    '169.254.169.254',
    '::1',
    '::',
    'fe80::1',
    '::ffff:127.0.0.1',
    '::ffff:169.254.169.254',
    '::ffff:7f00:1',
  ]
  it.each(own)('never leads to this machine or its link: %s', async (address) => {
    await expect(at().ask([address])).rejects.toThrow('leads to this machine')
  })

  it.each(own)(
    'that suddenly leads to %s is not believed: the last good address is used',
    async (address) => {
      const { ask } = at()
      await ask(['93.184.216.34'])
      expect(await ask([address])).toEqual(['93.184.216.34'])
      expect(await ask(away)).toEqual(['93.184.216.34'])
    },
  )

  it('loses only the addresses that lead here', async () => {
    expect(await at().ask(['127.0.0.1', '93.184.216.34', '::1'])).toEqual(['93.184.216.34'])
  })

  it('may lead into a private network, where some run their ChatHub', async () => {
    expect(await at().ask(['10.1.2.3', '192.168.0.4', 'fd00::1'])).toEqual([
      '10.1.2.3',
      '192.168.0.4',
      'fd00::1',
    ])
  })

  it('that leads nowhere is unknown', async () => {
    await expect(at().ask([])).rejects.toThrow()
  })
})
