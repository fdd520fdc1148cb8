import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

const of = (text: string): number => text.charCodeAt(0)
const [push, bulk, verbatim, error, map, attribute] = [...'>$=!%|'].map(of)
const lists = [...'*~>%|'].map(of)

/** Where the value of RESP3 that begins there ends. Undefined: some of it is still missing. */
const endOf = (bytes: Buffer, from: number): number | undefined => {
  const line = bytes.indexOf('\r\n', from)
  if (line < 0) return undefined
  const type = bytes[from] as number
  const count = Number(bytes.toString('latin1', from + 1, line))
  let at: number | undefined = line + 2
  if (type === bulk || type === verbatim || type === error) {
    const end = count < 0 ? at : at + count + 2
    return end <= bytes.length ? end : undefined
  }
  if (!lists.includes(type)) return at
  for (let left = type === map || type === attribute ? 2 * count : count; left > 0; left--) {
    at = endOf(bytes, at)
    if (at === undefined) return undefined
  }
  return at
}

/** Gives each whole value of a stream. */
const valuesOf = (each: (value: Buffer) => void) => {
  let rest: Buffer = Buffer.alloc(0)
  return (chunk: Buffer): void => {
    rest = Buffer.concat([rest, chunk])
    for (let end = endOf(rest, 0); rest.length > 0 && end !== undefined; end = endOf(rest, 0)) {
      each(rest.subarray(0, end))
      rest = rest.subarray(end)
    }
  }
}
/** The first words of a command: its name, then the hash of its script or its key. */
const wordsOf = (command: Buffer): string[] =>
  command
    .toString('latin1')
    .split('\r\n')
    .filter((_, at) => at > 0 && at % 2 === 0)
    .slice(0, 3)

/**
 * Stands between instances and Redis, and tells of each answer how many bytes it has: MONITOR shows commands, and INFO only the
 * bytes of everything. `words`: of the command that is answered; undefined for a message to a subscriber.
 */
export const startReplyMeter = async (
  port: number,
  answered: (words: string[] | undefined, bytes: number) => void,
) => {
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    const asked: string[][] = []
    const commands = valuesOf((value) => {
      const words = wordsOf(value)
      // Answered by messages.
      if (!/^(un)?subscribe$/i.test(words[0] ?? '')) asked.push(words)
    })
    const replies = valuesOf((value) => answered(value[0] === push ? undefined : asked.shift(), value.length))
    for (const [from, to, counted] of [
      [near, far, commands],
      [far, near, replies],
    ] as const) {
      sockets.add(from)
      from.setNoDelay()
      from.on('data', (chunk) => {
        counted(chunk)
        to.write(chunk)
      })
      from.on('error', () => {})
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: (): void => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
