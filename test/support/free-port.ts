import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'

/**
 * A TCP port that nobody held a moment ago on 127.0.0.1. The system hands them out in turn, so another process
 * is unlikely to get the same one before it is used; who must be sure listens on port 0 instead.
 */
export const freePort = async (): Promise<number> => {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
