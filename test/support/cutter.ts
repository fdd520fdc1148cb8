import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export type Cutter = {
  url: string
  /**
   * Resets the connection on which bytes come that `match`, before their answer comes back; resolves when that has been
   * done. `forward`: the server gets those bytes nevertheless.
   */
  cut(match: (text: string) => boolean, options: { forward: boolean }): Promise<void>
  close(): Promise<void>
}

/** A way to Redis that loses one chosen command, or its answer alone. */
export const startCutter = async (port: number): Promise<Cutter> => {
  let plan: { match: (text: string) => boolean; forward: boolean; done(): void } | undefined
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    const reset = (): void => {
      for (const socket of [client, upstream]) {
        socket.resetAndDestroy()
        sockets.delete(socket)
      }
    }
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', reset).on('close', reset)
    }
    let lost: (() => void) | undefined
    client.on('data', (bytes) => {
      if (!plan?.match(bytes.toString('latin1'))) return void upstream.write(bytes)
      const { forward, done } = plan
      plan = undefined
      lost = () => {
        reset()
        done()
      }
      if (forward) upstream.write(bytes)
      else lost()
    })
    // The server has done it once it answers; the answer goes nowhere.
    upstream.on('data', (bytes) => (lost ? lost() : void client.write(bytes)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut: (match, { forward }) =>
      new Promise((done) => {
        plan = { match, forward, done }
      }),
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
