import { createServer } from 'node:net'

/**
 * Ports below those that the system gives to outgoing connections and for port 0: any of these may be taken between a look
 * and its use. Each worker of a run has ports of its own, and each suite begins somewhere among them.
 */
const [first, ofWorker] = [20_000, 1500]
const worker = Number(process.env['JEST_WORKER_ID'] ?? 0) % 8
let next = Math.floor(Math.random() * ofWorker)

/** A TCP port that nobody listens on at 127.0.0.1, and that nobody gets who does not ask for its number. */
export const freePort = async (): Promise<number> => {
  for (let tries = 0; tries < ofWorker; tries++) {
    const port = first + worker * ofWorker + (next++ % ofWorker)
    if (await isFree(port)) return port
  }
  throw new Error(`none of ${ofWorker} ports is free`)
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
