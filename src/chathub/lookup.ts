import { type LookupAddress, type LookupAllOptions, lookup } from 'node:dns'
import { BlockList, isIPv6 } from 'node:net'

/** Addresses of this machine and its link. A public name must not lead to them, since internal services listen there. */
const forbidden = new BlockList()
forbidden.addSubnet('0.0.0.0', 8)
forbidden.addSubnet('127.0.0.0', 8)
forbidden.addSubnet('169.254.0.0', 16)
forbidden.addAddress('::1', 'ipv6')
forbidden.addAddress('::', 'ipv6')
forbidden.addSubnet('fe80::', 10, 'ipv6')

type Lookup<Options> = (
  host: string,
  options: Options,
  done: (error: Error | null, addresses: LookupAddress[]) => void,
) => void

/**
 * DNS lookup for ChatHub. Addresses of this machine are ignored. If DNS fails or gives no other address, the last good
 * addresses are used.
 */
export const createLookup = (resolve: Lookup<LookupAllOptions> = lookup): Lookup<unknown> => {
  const lastGood = new Map<string, LookupAddress[]>()
  return (host, _options, done) =>
    resolve(host, { all: true }, (error, addresses) => {
      const known = lastGood.get(host)
      if (error) return known ? done(null, known) : done(error, [])
      const allowed = addresses.filter(
        ({ address }) => !forbidden.check(address, isIPv6(address) ? 'ipv6' : 'ipv4'),
      )
      if (allowed.length === 0)
        return known ? done(null, known) : done(new Error('the name leads to this machine'), [])
      lastGood.set(host, allowed)
      done(null, allowed)
    })
}
