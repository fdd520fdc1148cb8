import type { LookupAddress } from 'node:dns'
import { describe, expect, it } from '@jest/globals'
import { createLookup } from '../../src/chathub/lookup.ts'

/** A lookup before a name server whose answers the test gives. */
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

describe('the lookup of the name of ChatHub', () => {
  it('returns all addresses of both families', async () => {
    const { ask, asked } = at()
    expect(await ask(['93.184.216.34', '2606:2800:220:1::1'])).toEqual([
      '93.184.216.34',
      '2606:2800:220:1::1',
    ])
    expect(asked).toEqual(['chatapi.example true'])
  })

  it('returns the new addresses when ChatHub moves', async () => {
    const { ask } = at()
    await ask(['93.184.216.34'])
    expect(await ask(['93.184.216.35'])).toEqual(['93.184.216.35'])
    expect(await ask(away)).toEqual(['93.184.216.35'])
  })

  it('fails if the name server fails the first time', async () => {
    await expect(at().ask(away)).rejects.toBe(away)
  })

  it('returns the last good addresses of a name while the name server is unavailable', async () => {
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
  it.each(own)('never returns an address of this machine or its link: %s', async (address) => {
    await expect(at().ask([address])).rejects.toThrow('leads to this machine')
  })

  it.each(own)('returns the last good address when the name suddenly has the address %s', async (address) => {
    const { ask } = at()
    await ask(['93.184.216.34'])
    expect(await ask([address])).toEqual(['93.184.216.34'])
    expect(await ask(away)).toEqual(['93.184.216.34'])
  })

  it('leaves out only the addresses of this machine', async () => {
    expect(await at().ask(['127.0.0.1', '93.184.216.34', '::1'])).toEqual(['93.184.216.34'])
  })

  it('returns addresses of private networks, where a ChatHub may run', async () => {
    expect(await at().ask(['10.1.2.3', '192.168.0.4', 'fd00::1'])).toEqual([
      '10.1.2.3',
      '192.168.0.4',
      'fd00::1',
    ])
  })

  it('fails if the name has no address', async () => {
    await expect(at().ask([])).rejects.toThrow()
  })
})
