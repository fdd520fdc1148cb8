import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { type Address, createLink, type Link, type Mode } from './fault-link.ts'

export type { Mode } from './fault-link.ts'

export type FaultProxy = {
  port: number
  /** `http://127.0.0.1:<port>`; for another protocol make one of `port`. */
  url: string
  /** Holds for new and live connections once resolved. `cut` resets the live ones and leaves the mode as it is. */
  set(mode: Mode | 'cut'): Promise<void>
  /** How many connections clients hold at this moment. */
  readonly connections: number
  /** How many were accepted since the start: tells whether a client came back. */
  readonly accepted: number
  close(): Promise<void>
}

/** A TCP proxy on 127.0.0.1 that breaks the way to `to` as it is told. Times are real: it stands for a network. */
export const startProxy = async ({ to }: { to: Address }): Promise<FaultProxy> => {
  const links = new Set<Link>()
  let mode: Mode = 'pass'
  let accepted = 0

  const accept = (client: Socket): void => {
    accepted++
    if (mode === 'reset') return void client.on('error', () => {}).resetAndDestroy()
    const link = createLink(client, to, mode, () => links.delete(link))
    links.add(link)
  }
  const cut = (): void => {
    for (const link of links) link.cut()
  }
  let server = await listen(0, accept)
  const { port } = server.address() as AddressInfo

  return {
    port,
    url: `http://127.0.0.1:${port}`,
    get connections() {
      return [...links].filter((link) => link.isHeld()).length
    },
    get accepted() {
      return accepted
    },
    set: async (next) => {
      if (next === 'cut') return cut()
      const wasRefusing = mode === 'refuse'
      mode = next
      for (const link of links) link.set(next)
      if (next === 'refuse') server.close()
      else if (wasRefusing) server = await listen(port, accept)
    },
    close: async () => {
      const closed = server.listening ? once(server, 'close') : undefined
      if (closed) server.close()
      cut()
      await closed
    },
  }
}

const listen = async (port: number, accept: (client: Socket) => void): Promise<Server> => {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, accept)
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}
