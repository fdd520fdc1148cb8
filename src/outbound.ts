import { BlockList, isIP } from 'node:net'
import { type Dispatcher, Pool, ProxyAgent } from 'undici'

/** The proxies of the environment (HTTPS_PROXY, HTTP_PROXY, NO_PROXY). */
export type Proxies = { httpsProxy: URL | undefined; httpProxy: URL | undefined; noProxy: readonly string[] }

/**
 * The proxy for requests to `target`; undefined: they go directly. HTTP_PROXY also counts for https: when HTTPS_PROXY is
 * unset. No address is exempt by default, not even loopback: that is what NO_PROXY is for.
 */
export const proxyFor = (target: URL, { httpsProxy, httpProxy, noProxy }: Proxies): URL | undefined => {
  if (noProxy.some((entry) => isExempt(target, entry.toLowerCase()))) return undefined
  return target.protocol === 'https:' ? (httpsProxy ?? httpProxy) : httpProxy
}

/** An entry of NO_PROXY: `*`, a host with its subdomains (also `.host`, `*.host`), an address or a CIDR; a port is optional. */
const isExempt = (target: URL, entry: string): boolean => {
  if (entry === '*') return true
  const host = bare(target.hostname)
  const [network = '', bits] = entry.split('/')
  if (bits !== undefined) return isInNetwork(host, network, Number(bits))
  const [, name = '', port] = (isIP(entry) === 0 && /^(.+):(\d+)$/.exec(entry)) || ['', entry]
  if (port !== undefined && port !== (target.port || (target.protocol === 'https:' ? '443' : '80')))
    return false
  const wanted = bare(name.replace(/^\*?\./, ''))
  return host === wanted || host.endsWith(`.${wanted}`)
}

/** A host without brackets and without the dot of the root. */
const bare = (host: string): string => host.replace(/^\[|\]$|\.$/g, '')

const isInNetwork = (host: string, network: string, bits: number): boolean => {
  const version = isIP(network)
  if (version === 0 || isIP(host) !== version || !(bits >= 0 && bits <= (version === 4 ? 32 : 128)))
    return false
  const subnet = new BlockList()
  subnet.addSubnet(network, bits, `ipv${version as 4 | 6}`)
  return subnet.check(host, `ipv${version as 4 | 6}`)
}

type Options = Omit<Pool.Options, 'connect'> & {
  /** The time limit of a connection, and of the proxy's answer to CONNECT. */
  connectMs: number
  /** Replaces the lookup of Node for direct connections. A proxy looks names up itself. */
  lookup?: unknown
}

/**
 * Connections to `target`, or to its proxy. https: goes through a tunnel (CONNECT), so TLS ends at `target` alone; http: is
 * forwarded (RFC 9112, section 3.2.2). Certificates are always verified. Requests name the origin of `target`.
 */
export const createDispatcher = (target: URL, proxy: URL | undefined, options: Options): Dispatcher => {
  const { connectMs, lookup, ...pool } = options
  // Set explicitly, `rejectUnauthorized` also overrides NODE_TLS_REJECT_UNAUTHORIZED=0.
  const connect = { timeout: Math.min(1000, connectMs), rejectUnauthorized: true }
  if (!proxy)
    return new Pool(target.origin, {
      ...pool,
      connect: { ...connect, ...(lookup ? { lookup } : {}) } as never,
    })
  const authorization = basicOf(proxy)
  if (target.protocol === 'https:')
    return new ProxyAgent({
      ...pool,
      uri: proxy.origin,
      ...(authorization && { token: authorization }),
      requestTls: { ...connect, timeout: connectMs },
      proxyTls: connect,
      clientFactory: (origin, own) => new Pool(origin, { ...own, headersTimeout: connectMs }),
    })
  return new Pool(proxy.origin, { ...pool, connect }).compose((dispatch) => (request, handler) => {
    const headers = {
      ...(request.headers as Record<string, string>),
      host: target.host,
      ...(authorization && { 'proxy-authorization': authorization }),
    }
    return dispatch({ ...request, path: `${target.origin}${request.path}`, headers }, handler)
  })
}

/** Basic credentials (RFC 7617) for user and password of a URL, which may be empty. */
const basicOf = ({ username, password }: URL): string | undefined => {
  if (!username && !password) return undefined
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return `Basic ${Buffer.from(pair).toString('base64')}`
}

const proxyFaults = {
  refused: 'The outbound proxy of the gateway refused to connect to ChatHub.',
  timeout: 'The outbound proxy of the gateway did not connect to ChatHub in time.',
  unreachable: 'The outbound proxy of the gateway cannot be reached, or it broke the connection.',
}

/** The proxy failed before a request was sent. The message has the reason, and never a credential. */
export class ProxyFault extends Error {
  readonly kind: keyof typeof proxyFaults
  readonly status: number | undefined
  constructor(kind: keyof typeof proxyFaults, message: string, status?: number) {
    super(message)
    this.kind = kind
    this.status = status
  }
  get detail(): string {
    return proxyFaults[this.kind]
  }
}

/** The fault of a proxy that an error of undici stands for, if any. An error of ChatHub's certificate is none. */
export const proxyFaultOf = (error: unknown): ProxyFault | undefined => {
  const { code = '', message } = error as NodeJS.ErrnoException
  const status = /^Proxy response \((\d+)\)/.exec(message)?.[1]
  if (status) return new ProxyFault('refused', `the proxy answered CONNECT with ${status}`, Number(status))
  if (/^UND_ERR_(HEADERS|CONNECT)_TIMEOUT$|^ETIMEDOUT$/.test(code))
    return new ProxyFault('timeout', `the proxy made no connection in time (${code})`)
  if (/^(ECONN\w+|EPIPE|E(HOST|NET)UNREACH|ENOTFOUND|EAI_AGAIN|UND_ERR_SOCKET|HPE_\w+)$/.test(code))
    return new ProxyFault('unreachable', `the connection through the proxy failed (${code})`)
  return undefined
}
