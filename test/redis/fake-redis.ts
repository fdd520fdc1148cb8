import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'

/** The raw answer to a command in the Redis protocol. */
export type Answer = (command: string[]) => string

export type FakeRedis = {
  url: string
  /** Decides about each command; may be replaced. */
  answer: Answer
  /** Every command that arrived, its name in capitals, oldest first. */
  commands: string[][]
  /** How many connections were accepted since the start. */
  accepted: number
  /** How many connections are open. */
  open(): number
  /** From here on answers wait, as those of a stopped process do. */
  hold(): void
  /** Gives the answers that wait, each connection's in order. */
  release(): void
  /** Sends to every connection what nobody asked for. */
  push(text: string): void
  /** Resets every connection. */
  cut(): void
  close(): Promise<void>
}

export const ok = '+OK\r\n'
export const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`
export const list = (...texts: string[]): string => `*${texts.length}\r\n${texts.map(bulk).join('')}`

/** INFO and CONFIG as a server of that version answers them; everything else is fine. */
export const serverOf =
  (version: string): Answer =>
  ([name, ...words]) => {
    if (name === 'HELLO') return '-NOPROTO unsupported protocol version\r\n'
    if (name === 'INFO') return bulk(`# Server\r\nredis_version:${version}\r\nredis_mode:standalone\r\n`)
    if (name === 'CONFIG') return list(words[1] ?? '', words[1] === 'maxmemory' ? '0' : 'noeviction')
    return ok
  }

/** A server that speaks just enough of the Redis protocol to be a stand-in for one. */
export const startFakeRedis = async (answer: Answer): Promise<FakeRedis> => {
  const waiting = new Map<Socket, string>()
  let isHeld = false
  const write = (socket: Socket, text: string): void => {
    if (isHeld) waiting.set(socket, `${waiting.get(socket)}${text}`)
    else socket.write(text)
  }
  // As Redis does. Otherwise an answer in several pieces waits 40 ms for the client to acknowledge the first.
  const server = createServer({ noDelay: true }, (socket) => {
    fake.accepted++
    waiting.set(socket, '')
    let unread = ''
    socket.setEncoding('utf8').on('error', () => {})
    socket.on('close', () => waiting.delete(socket))
    socket.on('data', (text) => {
      unread += text
      for (let read = readCommand(unread); read; read = readCommand(unread)) {
        unread = unread.slice(read.length)
        fake.commands.push(read.words)
        write(socket, fake.answer(read.words))
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const fake: FakeRedis = {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answer,
    commands: [],
    accepted: 0,
    open: () => waiting.size,
    hold: () => {
      isHeld = true
    },
    release: () => {
      isHeld = false
      for (const [socket, text] of waiting) {
        waiting.set(socket, '')
        socket.write(text)
      }
    },
    push: (text) => {
      for (const socket of waiting.keys()) socket.write(text)
    },
    cut: () => {
      for (const socket of waiting.keys()) socket.resetAndDestroy()
    },
    close: async () => {
      fake.cut()
      if (!server.listening) return
      server.close()
      await once(server, 'close')
    },
  }
  return fake
}

/** The first whole command of `text`, an array of bulk strings, and how many characters it takes. ASCII only. */
const readCommand = (text: string): { words: string[]; length: number } | undefined => {
  const lines = text.split('\r\n')
  const count = Number(lines[0]?.slice(1))
  if (lines.length < 2 + 2 * count) return undefined
  const words = Array.from({ length: count }, (_, i) => lines[2 + 2 * i] as string)
  const length = lines.slice(0, 1 + 2 * count).join('\r\n').length + 2
  return { words: [words[0]?.toUpperCase() ?? '', ...words.slice(1)], length }
}
