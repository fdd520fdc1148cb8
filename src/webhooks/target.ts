import { type LookupAddress, promises } from 'node:dns'
import { BlockList, isIP, isIPv6 } from 'node:net'

/** An entry of WEBHOOK_HOSTS: a host, `*.` before a domain, or `*`; a port if it is not 443. Lower case. */
type AllowedHost = { host: string; port: string }
/** An entry of WEBHOOK_PRIVATE_HOSTS: also addresses that are not public, also http:. */
type PrivateHost = AllowedHost & { network: BlockList }

const hostPattern = /^((?:\*\.)?[\w-]+(?:\.[\w-]+)*|\*|\[[\da-f:.]+\])(?::([1-9]\d{0,4}))?$/i

/** Undefined: it is none. A host is compared as it stands in a URL, so `https://` must leave it as it is. */
export const parseAllowedHost = (text: string): AllowedHost | undefined => {
  const [, host = '', port = ''] = hostPattern.exec(text.toLowerCase()) ?? []
  const plain = host.replace(/^\*\.?/, '') || 'any'
  const isHost = URL.canParse(`https://${plain}`) && new URL(`https://${plain}`).hostname === plain
  return host !== '' && isHost && Number(port) <= 65_535
    ? { host, port: port === '443' ? '' : port }
    : undefined
}

/** `host=network`, as in `crm.internal:8443=10.1.0.0/16`. Undefined: it is none. */
export const parsePrivateHost = (text: string): PrivateHost | undefined => {
  const [, name = '', address = '', bits] = /^([^=]+)=([\da-f:.]+)(?:\/(\d{1,3}))?$/i.exec(text) ?? []
  const entry = parseAllowedHost(name)
  const version = isIP(address)
  if (!entry || entry.host.startsWith('*') || version === 0) return undefined
  const size = version === 4 ? 32 : 128
  if (Number(bits ?? size) > size) return undefined
  const network = new BlockList()
  network.addSubnet(address, Number(bits ?? size), `ipv${version as 4 | 6}`)
  return { ...entry, network }
}

/** Addresses that are not for the public internet, by IANA's registries of special purposes. */
const special = new BlockList()
// biome-ignore format: a table reads best in few lines
for (const [network, bits] of [
  ['0.0.0.0', 8], ['10.0.0.0', 8], ['100.64.0.0', 10], ['127.0.0.0', 8], ['169.254.0.0', 16], ['172.16.0.0', 12], ['192.0.0.0', 24],
  ['192.0.2.0', 24], ['192.88.99.0', 24], ['192.168.0.0', 16], ['198.18.0.0', 15], ['198.51.100.0', 24], ['203.0.113.0', 24], ['224.0.0.0', 3],
] as const)
  special.addSubnet(network, bits, 'ipv4')
// Within the global unicast addresses: Teredo and other protocols, documentation, 6to4.
// biome-ignore format: a table reads best in few lines
for (const [network, bits] of [['2001::', 23], ['2001:db8::', 32], ['2002::', 16], ['3fff::', 20]] as const)
  special.addSubnet(network, bits, 'ipv6')
const globalUnicast = new BlockList()
globalUnicast.addSubnet('2000::', 3, 'ipv6')

/** Of IPv6 only global unicast: no address that holds an IPv4 one, as `::ffff:10.0.0.1` and `64:ff9b::a00:1` do. */
const isPublic = (address: string): boolean => {
  if (isIPv6(address)) return globalUnicast.check(address, 'ipv6') && !special.check(address, 'ipv6')
  return isIP(address) === 4 && !special.check(address)
}

export type Resolve = (host: string) => Promise<LookupAddress[]>

/**
 * Both kinds of addresses from DNS alone, without a thread of the pool that ChatHub's names need. Neither /etc/hosts nor
 * search domains count.
 */
const createResolve = (): Resolve => {
  const resolver = new promises.Resolver({ timeout: 2000, tries: 2 })
  return async (host) => {
    const [four, six] = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)])
    if (four.status === 'rejected' && six.status === 'rejected') throw four.reason
    const of = (found: typeof four, family: number) =>
      found.status === 'rejected' ? [] : found.value.map((address) => ({ address, family }))
    return [...of(four, 4), ...of(six, 6)]
  }
}

export const createTargets = (
  hosts: readonly string[],
  privateHosts: readonly string[],
  resolve: Resolve = createResolve(),
) => {
  const allowed = hosts.flatMap((text) => parseAllowedHost(text) ?? [])
  const exceptions = privateHosts.flatMap((text) => parsePrivateHost(text) ?? [])
  const isListed = ({ hostname, port }: URL): boolean =>
    allowed.some(
      (one) =>
        one.port === port &&
        (one.host.startsWith('*') ? hostname.endsWith(one.host.slice(1)) : one.host === hostname),
    )
  const exceptionsOf = ({ hostname, port }: URL): PrivateHost[] =>
    exceptions.filter((one) => one.host === hostname && one.port === port)

  /** What is wanted instead of this URL. Undefined: it may be called, as far as its address allows. */
  const faultOf = (url: URL): string | undefined => {
    if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'Wanted: an https: URL.'
    if (url.username || url.password) return 'Wanted: a URL without user and password.'
    if (url.href.includes('#')) return 'Wanted: a URL without a fragment.'
    if (exceptionsOf(url).length > 0) return undefined
    if (url.protocol === 'http:') return 'Wanted: https:. Only hosts of WEBHOOK_PRIVATE_HOSTS take http:.'
    return isListed(url) ? undefined : 'Wanted: a host and port that WEBHOOK_HOSTS of the gateway allows.'
  }
  const mayConnect = (url: URL, address: string): boolean =>
    exceptionsOf(url).some(({ network }) => network.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')) ||
    (url.protocol === 'https:' && isListed(url) && isPublic(address))

  /** The addresses of the host that may be connected to. @throws an error of DNS */
  const addressesOf = async (url: URL): Promise<LookupAddress[]> => {
    const host = url.hostname.replace(/^\[|\]$/g, '')
    const family = isIP(host)
    const found = family === 0 ? await resolve(host) : [{ address: host, family }]
    return found.filter(({ address }) => mayConnect(url, address))
  }
  return { faultOf, addressesOf }
}

export type Targets = ReturnType<typeof createTargets>
