import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'

type RedisNode = { host: string; port: number }

/** What REDIS_URL says. */
export type RedisAddress = {
  kind: 'single' | 'sentinel' | 'cluster'
  tls: boolean
  username: string | undefined
  password: string | undefined
  nodes: RedisNode[]
  /** The name of the master that the Sentinels watch. */
  master: string
  db: number
  /** The version of IP by which names are resolved; 0 takes both. */
  family: number
}

/** The message completes the sentence « wanted: … » and repeats nothing of the URL. */
class UrlFault extends Error {}

const wantedScheme = 'redis://, rediss://, redis+sentinel://host,host/name or redis+cluster://host,host'

/**
 * Reads `redis://[user:password@]host[:port][/database]`, and lists of hosts for `redis+sentinel://` and
 * `redis+cluster://`. `rediss` instead of `redis` means TLS. The login ends at the last `@`, and the user at its first
 * `:`. So a password may hold every character. Only `%` with two hexadecimal digits stands for another one.
 * @throws an error whose message completes « wanted: … » and holds no part of the URL
 */
export const parseRedisUrl = (text: string): RedisAddress => {
  const [scheme, security, given = 'single'] =
    /^(rediss?)(?:\+(sentinel|cluster))?:\/\//.exec(text.toLowerCase()) ?? []
  if (scheme === undefined) throw new UrlFault(wantedScheme)
  if (/[\r\n\0]/.test(text)) throw new UrlFault('one line')
  const kind = given as RedisAddress['kind']
  const rest = text.slice(scheme.length)
  const loginEnd = rest.lastIndexOf('@')
  const [, hosts = '', path = '', query = ''] =
    /^([^/?]*)\/?([^?]*)\??(.*)$/.exec(rest.slice(loginEnd + 1)) ?? []
  const nodes = hosts.split(',').map((node) => parseNode(node.trim(), kind === 'sentinel' ? 26379 : 6379))
  if (kind === 'single' && nodes.length > 1)
    throw new UrlFault('one host; a list of hosts needs redis+sentinel:// or redis+cluster://')
  const { master, database } = parsePath(kind, path)
  const parameters = new URLSearchParams(query)
  for (const name of parameters.keys())
    if (name !== 'db' && name !== 'family') throw new UrlFault('no parameter after ? but db and family')
  const family = parameters.get('family') ?? '0'
  if (!/^[046]$/.test(family)) throw new UrlFault('family=0, family=4 or family=6')
  const db = parseDatabase(database || parameters.get('db') || '0')
  if (kind === 'cluster' && db !== 0) throw new UrlFault('no database number, because a cluster has only 0')
  return {
    kind,
    tls: security === 'rediss',
    ...parseLogin(rest.slice(0, Math.max(0, loginEnd))),
    nodes,
    master,
    db,
    family: Number(family),
  }
}

const parseLogin = (login: string): Pick<RedisAddress, 'username' | 'password'> => {
  const [, username = '', password = ''] = /^([^:]*):?(.*)$/.exec(login) ?? []
  if (username && !password)
    throw new UrlFault('user:password@ or :password@ before the host; a colon in a user is written %3A')
  return { username: decode(username) || undefined, password: decode(password) || undefined }
}

/** A `%` that begins no encoded character stands for itself. */
const decode = (text: string): string =>
  text.replace(/(?:%[\da-f]{2})+/gi, (encoded) => {
    try {
      return decodeURIComponent(encoded)
    } catch {
      return encoded
    }
  })

const parseNode = (node: string, defaultPort: number): RedisNode => {
  if (isIP(node) === 6) throw new UrlFault('an IPv6 address in brackets, such as redis://[::1]:6379')
  const [, bracketed, name = '', port = ''] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d*))?$/.exec(node) ?? []
  if (bracketed === undefined && name === '')
    throw new UrlFault('a host after the login, and a port from 1 to 65535 after the host if any')
  const number = Number(port || defaultPort)
  if (number < 1 || number > 65_535) throw new UrlFault('a port from 1 to 65535')
  const host = bracketed === undefined ? toAscii(name) : decode(bracketed)
  if (bracketed === undefined ? !isHost(host) : isIP(host) !== 6)
    throw new UrlFault('a host name, an IPv4 address or an IPv6 address in brackets')
  return { host, port: number }
}

// Node's function cuts a name at these characters, which no name has.
const toAscii = (name: string): string => (/[\s#%\\]/.test(name) ? '' : domainToASCII(name))
// A name of digits and dots would be taken for an address, so it must be one.
const isHost = (text: string): boolean =>
  isIP(text) !== 0 || (/^[\w-]{1,63}(\.[\w-]{1,63})*\.?$/.test(text) && !/^[\d.]+$/.test(text))

/** `/3` is a database. Behind Sentinels it follows the name of the master: `/name/3`. */
const parsePath = (kind: RedisAddress['kind'], path: string): { master: string; database: string } => {
  if (kind !== 'sentinel') return { master: '', database: path }
  const [, master = '', database = ''] = /^([^/]*)\/?(.*)$/.exec(path) ?? []
  if (master === '')
    throw new UrlFault('the name of the master after the hosts: redis+sentinel://host,host/name')
  return { master: decode(master), database }
}

const parseDatabase = (text: string): number => {
  if (!/^\d{1,9}$/.test(text)) throw new UrlFault('a database number after the host, such as /0')
  return Number(text)
}
