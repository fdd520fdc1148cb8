import { EventEmitter, once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { pipeline, Transform } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'

export type Address = { host: string; port: number }

/**
 * What happens to the server's answers (requests pass, except where said):
 * - `pass`: nothing is changed.
 * - `refuse`: the listening port is closed, new connections get ECONNREFUSED; live ones go on.
 * - `reset`: new connections are accepted and reset at once; live ones go on.
 * - `blackhole`: bytes of both directions are swallowed, new connections are accepted and reach nobody. A connection
 *   that lost bytes is reset when the mode changes: no network gives a stream with a hole.
 * - `hold`: bytes of both directions wait and are delivered when the mode changes, as when a cable comes back.
 * - `half-close`: the client gets a FIN at once and its own bytes are still read, and swallowed.
 * - `latency`: each piece of an answer comes that many ms later.
 * - `drip`: `bytes` at a time, each after `everyMs`.
 * - `resetAfter`, `truncateAfter`: that many bytes of answers per connection, counted from the switch, then RST or FIN.
 *   The RST waits 5 ms, for it may overtake bytes that the client has not read yet.
 */
export type Mode =
  | 'pass'
  | 'refuse'
  | 'reset'
  | 'blackhole'
  | 'hold'
  | 'half-close'
  | { latency: number }
  | { drip: { bytes: number; everyMs: number } }
  | { resetAfter: number }
  | { truncateAfter: number }

/** One client's connection through the proxy. */
export type Link = {
  set(mode: Mode): void
  /** RST to both sides. */
  cut(): void
  /** Whether the client has neither closed nor ended its side. */
  isHeld(): boolean
}

const RESET_LAG = 5
const NOTHING = Buffer.alloc(0)

/** Joins `client` to a new connection to `to`, under `start` from the first byte. `ended` is called once. */
export const createLink = (client: Socket, to: Address, start: Mode, ended: () => void): Link => {
  const upstream = start === 'blackhole' ? undefined : connect({ ...to, allowHalfOpen: true, noDelay: true })
  const over = new AbortController()
  const { signal } = over
  const changes = new EventEmitter()
  let mode = start
  let answered = 0
  let isTold = false
  let lostBytes = start === 'blackhole'

  const cut = (): void => {
    over.abort()
    for (const socket of [client, upstream]) reset(socket)
  }
  const set = (next: Mode): void => {
    if (lostBytes && next !== 'blackhole') cut()
    // The FIN of a half-close cannot be taken back.
    if (signal.aborted || mode === 'half-close') return
    mode = next
    answered = 0
    if (mode === 'half-close') client.end()
    changes.emit('change')
  }
  const swallow = (): Buffer => {
    if (mode === 'blackhole') lostBytes = true
    return NOTHING
  }
  /** Each of these two takes what it can of `bytes` and gives back what remains to be asked about again. */
  const request = async (bytes: Buffer): Promise<Buffer> => {
    if (mode === 'hold') return once(changes, 'change', { signal }).then(() => bytes)
    if (mode === 'blackhole' || mode === 'half-close') return swallow()
    return write(upstream, bytes)
  }
  const answer = async (bytes: Buffer, arrivedAt: number): Promise<Buffer> => {
    if (typeof mode === 'string') {
      if (mode === 'hold') return once(changes, 'change', { signal }).then(() => bytes)
      return mode === 'blackhole' || mode === 'half-close' ? swallow() : write(client, bytes)
    }
    if ('latency' in mode) {
      const wait = arrivedAt + mode.latency - performance.now()
      if (wait <= 0) return write(client, bytes)
      return delay(wait, bytes, { signal })
    }
    if ('drip' in mode) {
      const asked = mode
      await delay(mode.drip.everyMs, undefined, { signal })
      return mode === asked ? write(client, bytes, mode.drip.bytes) : bytes
    }
    const limit = 'resetAfter' in mode ? mode.resetAfter : mode.truncateAfter
    const allowed = Math.min(bytes.length, limit - answered)
    answered += allowed
    await write(client, bytes, allowed)
    if (answered < limit) return NOTHING
    isTold = true
    if ('truncateAfter' in mode) client.end()
    else await delay(RESET_LAG).then(cut)
    return NOTHING
  }
  const pump = async (
    from: Socket,
    into: Socket,
    pass: (bytes: Buffer, arrivedAt: number) => Promise<Buffer>,
  ) => {
    for await (const { bytes, arrivedAt } of stamped(from)) {
      for (let rest = bytes; rest.length > 0 && !signal.aborted; ) rest = await pass(rest, arrivedAt)
      // Leaving the loop closes `from`.
      if (isTold) return
    }
    while (mode === 'hold') await once(changes, 'change', { signal })
    into.end()
  }
  const hasClosed = (): void => {
    over.abort()
    upstream?.destroy()
    ended()
  }
  if (mode === 'half-close') client.end()
  client.on('error', cut).once('close', hasClosed)
  // An answer that was cut short is told already: what becomes of the server's side is not the client's matter.
  upstream?.on('error', () => isTold || cut())
  if (upstream) {
    pump(client, upstream, request).catch(cut)
    pump(upstream, client, answer).catch(cut)
  } else client.resume().once('end', cut)
  return { set, cut, isHeld: () => !client.destroyed && !client.readableEnded }
}

const reset = (socket: Socket | undefined): void => {
  if (!socket || socket.destroyed) return
  // Node loses a socket that is reset while its FIN is under way, and then never exits.
  if (socket.writableEnded && !socket.writableFinished) socket.destroy()
  else socket.resetAndDestroy()
}

type Stamped = { bytes: Buffer; arrivedAt: number }

/** What `socket` receives with the time (monotonic ms) of its arrival, up to 256 pieces ahead of the reader. */
const stamped = (socket: Socket): AsyncIterable<Stamped> => {
  const stamp = new Transform({
    readableObjectMode: true,
    readableHighWaterMark: 256,
    transform: (bytes, _encoding, done) => done(null, { bytes, arrivedAt: performance.now() }),
  })
  // A socket that dies makes the reader's loop throw; there is nothing to do here.
  return pipeline(socket, stamp, () => {})
}

/** Hands the first `count` bytes to the system and gives back the rest; a closed socket takes all in silence. */
const write = (socket: Socket | undefined, bytes: Buffer, count = bytes.length): Promise<Buffer> =>
  new Promise((resolve) => {
    if (!socket?.writable) return resolve(NOTHING)
    socket.write(bytes.subarray(0, count), () => resolve(bytes.subarray(count)))
  })
