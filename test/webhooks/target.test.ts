import type { LookupAddress } from 'node:dns'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterAll, describe, expect, it } from '@jest/globals'
import { systemClock } from '../../src/clock.ts'
import { createSender } from '../../src/webhooks/sender.ts'
import { createTargets, parseAllowedHost, parsePrivateHost } from '../../src/webhooks/target.ts'
import { createAuthority } from '../failure/certificates.ts'
import { type Receiver, startReceiver } from './webhook-receiver.ts'

const at = (...addresses: string[]): LookupAddress[] =>
  addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
const open: Receiver[] = []
afterAll(() => Promise.all(open.map(({ close }) => close())))
const receiver = async (): Promise<Receiver> => {
  const started = await startReceiver()
  open.push(started)
  return started
}

/** `refused`, or the addresses that would be connected to. */
const judge = async (
  url: string,
  hosts: string[],
  known: LookupAddress[] = [],
  privateHosts: string[] = [],
) => {
  if (!URL.canParse(url)) return 'refused'
  const { faultOf, addressesOf } = createTargets(hosts, privateHosts, async () => known)
  if (faultOf(new URL(url)) !== undefined) return 'refused'
  const addresses = await addressesOf(new URL(url))
  return addresses.length === 0 ? 'refused' : addresses.map(({ address }) => address).join()
}

describe('a URL of a webhook', () => {
  const literals = [
    ...[
      '127.0.0.1',
      '2130706433',
      '0x7f000001',
      '0x7f.0.0.1',
      '0177.0.0.1',
      '017700000001',
      '127.1',
      '127.0.0.1.',
    ],
    ...[
      '0',
      '0.0.0.0',
      '10.0.0.1',
      '10.255.255.255',
      '172.16.0.1',
      '172.31.255.255',
      '192.168.0.1',
      '3232235521',
    ],
    ...[
      '169.254.169.254',
      '0xa9fea9fe',
      '100.64.0.1',
      '100.127.255.255',
      '198.18.0.1',
      '192.0.0.8',
      '192.0.2.1',
    ],
    ...[
      '198.51.100.1',
      '203.0.113.1',
      '192.88.99.1',
      '224.0.0.1',
      '239.255.255.255',
      '240.0.0.1',
      '255.255.255.255',
    ],
    ...[
      '[::1]',
      '[::]',
      '[0:0:0:0:0:0:0:1]',
      '[::ffff:127.0.0.1]',
      '[::ffff:7f00:1]',
      '[::ffff:8.8.8.8]',
      '[::127.0.0.1]',
    ],
    ...[
      '[64:ff9b::7f00:1]',
      '[64:ff9b:1::a00:1]',
      '[fe80::1]',
      '[fec0::1]',
      '[fc00::1]',
      '[fd12:3456::1]',
      '[ff02::1]',
    ],
    ...['[2002:7f00:1::]', '[2001:0:7f00:1::]', '[2001:db8::1]', '[3fff::1]', '[100::1]', '[5f00::1]'],
    ...['１２７.0.0.1', '①②⑦.0.0.1', '127。0。0。1', '%31%32%37.0.0.1'],
  ]
  it.each(literals)('with the address %s is refused, though every host is allowed', async (host) => {
    expect(await judge(`https://${host}/`, ['*'])).toBe('refused')
  })

  it('whose name leads to such an address is refused; of several addresses only public ones are used', async () => {
    for (const host of literals.filter((one) => /^[\d.]+$/.test(one) && one.split('.').length === 4)) {
      const found = await judge('https://localhost/', ['*'], at(host))
      expect([host, found]).toEqual([host, 'refused'])
    }
    expect(await judge('https://hooks.example.com/', ['*'], at('::1', 'fd00::1', '::ffff:10.0.0.1'))).toBe(
      'refused',
    )
    const mixed = at('10.0.0.1', '8.8.8.8', '::1', '2a00:1450:4001::1')
    expect(await judge('https://hooks.example.com/', ['*'], mixed)).toBe('8.8.8.8,2a00:1450:4001::1')
  })

  const listed = ['hooks.example.com', '*.example.org', 'other.example.com:8443', 'xn--bcher-kva.example']
  it.each([
    ['https://hooks.example.com/a?b=c', 'taken'],
    ['https://HOOKS.example.com:443/', 'taken'],
    ['https://a.b.example.org/', 'taken'],
    ['https://other.example.com:8443/', 'taken'],
    ['https://bücher.example/', 'taken'],
    ['http://hooks.example.com/', 'http:'],
    ['ftp://hooks.example.com/', 'another scheme'],
    ['file:///etc/passwd', 'another scheme'],
    ['https://hooks.example.com:22/', 'another port'],
    ['https://other.example.com/', 'another port'],
    ['https://hooks.example.com./', 'a trailing dot'],
    ['https://user:password@hooks.example.com/', 'userinfo'],
    ['https://hooks.example.com@evil.example/', 'userinfo'],
    ['https://hooks.example.com%2eevil.example/', 'an escaped host'],
    ['https://evil.example\\@hooks.example.com/', 'a backslash'],
    ['https://evil.example#@hooks.example.com/', 'a fragment'],
    ['https://hooks.example.com/#x', 'a fragment'],
    ['https://hооks.example.com/', 'Cyrillic letters'],
    ['https://hooks.example.com.evil.example/', 'a longer name'],
    ['https://example.org/', 'the domain itself'],
    ['https://evilexample.org/', 'a name that ends alike'],
    ['https://[::ffff:808:808]/', 'an address'],
    ['hooks.example.com', 'no URL'],
  ])('%s: %s', async (url, what) => {
    expect(await judge(url, listed, at('8.8.8.8'))).toBe(what === 'taken' ? '8.8.8.8' : 'refused')
  })

  it('may be private only at the host, the port and the network of an exception, and then also http:', async () => {
    const exceptions = ['crm.internal:8080=10.1.0.0/16', '[fd00::1]=fd00::/8', 'hooks.example.com=10.2.0.1']
    const found = (url: string, ...addresses: string[]) =>
      judge(url, ['hooks.example.com'], at(...addresses), exceptions)
    expect(await found('http://crm.internal:8080/', '10.1.2.3')).toBe('10.1.2.3')
    expect(await found('https://crm.internal:8080/', '10.1.2.3')).toBe('10.1.2.3')
    expect(await found('http://[fd00::1]/')).toBe('fd00::1')
    for (const address of ['10.2.0.1', '127.0.0.1', '8.8.8.8', '::ffff:10.2.0.1'])
      expect(await found('http://crm.internal:8080/', address)).toBe('refused')
    for (const url of ['http://crm.internal/', 'http://a.crm.internal:8080/', 'http://crm.internal.:8080/'])
      expect(await found(url, '10.1.2.3')).toBe('refused')
    expect(await found('https://hooks.example.com/', '8.8.8.8', '10.2.0.1')).toBe('8.8.8.8,10.2.0.1')
    expect(await found('http://hooks.example.com/', '8.8.8.8')).toBe('refused')
  })

  it('is compared with entries that are hosts and networks alone', () => {
    for (const text of [
      '',
      'a b',
      'https://a.example',
      'a.example/',
      'a*.example',
      '*a.example',
      'a:0',
      'a:99999',
      '127.1',
      'bücher.example',
    ])
      expect([text, parseAllowedHost(text)]).toEqual([text, undefined])
    for (const text of ['a', 'a=', '*=10.0.0.0/8', '*.a=10.0.0.0/8', 'a=10.0.0.0/33', 'a=b', 'a=10.0.0.1=x'])
      expect([text, parsePrivateHost(text)]).toEqual([text, undefined])
  })
})

describe('a delivery', () => {
  const senderAt = (resolve: () => LookupAddress[], privateHosts: string[]) => {
    const targets = createTargets(['*'], privateHosts, async () => resolve())
    const send = createSender({ targets, clock: systemClock, webhookTimeoutMs: 20_000, version: '0' })
    return (url: string) => send(url, { 'webhook-id': 'a' }, '{}', new AbortController().signal)
  }

  it('connects to the address that was checked, although the name leads elsewhere a moment later', async () => {
    const here = await receiver()
    const port = here.host.split(':')[1]
    let asked = 0
    const rebinding = () => at(++asked === 1 ? '127.0.0.1' : '127.0.0.2')
    const send = senderAt(rebinding, [`crm.internal:${port}=127.0.0.1/32`])
    expect(await send(`http://crm.internal:${port}/hook`)).toMatchObject({
      outcome: 'delivered',
      status: 204,
    })
    expect([asked, here.all[0]?.headers['host']]).toEqual([1, `crm.internal:${port}`])
    // The next delivery asks again.
    expect(await send(`http://crm.internal:${port}/hook`)).toMatchObject({ outcome: 'address', status: null })
    expect([asked, here.all.length]).toEqual([2, 1])
  })

  it('goes to no server whose certificate nobody vouches for', async () => {
    let requests = 0
    const { server } = createAuthority()
    const stranger = createServer(server(), () => requests++)
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve))
    const { port } = stranger.address() as AddressInfo
    const send = senderAt(() => [], [`127.0.0.1:${port}=127.0.0.1`])
    expect(await send(`https://127.0.0.1:${port}/`)).toMatchObject({ outcome: 'connection' })
    expect(requests).toBe(0)
    stranger.close()
  })

  it('follows no redirect, and reads no more of an answer than it needs', async () => {
    const [here, inside] = [await receiver(), await receiver()]
    const send = senderAt(() => [], [`${here.host}=127.0.0.1`, `${inside.host}=127.0.0.1`])
    for (const status of [301, 302, 307, 308]) {
      here.reply = () => ({ status, headers: { location: inside.url } })
      expect(await send(here.url)).toMatchObject({ outcome: 'redirect', status })
    }
    expect(inside.all).toEqual([])
    here.reply = () => ({ status: 200, headers: { 'content-length': '999999999999' } })
    expect(await send(here.url)).toMatchObject({ outcome: 'delivered' })
    here.reply = () => ({ status: 500, headers: { 'retry-after': '120' } })
    expect(await send(here.url)).toEqual({ outcome: 'status', status: 500, retryAfterMs: 120_000 })
    await here.close()
    expect(await send(here.url)).toMatchObject({ outcome: 'connection', status: null })
  })
})
