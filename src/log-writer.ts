import sonic from 'sonic-boom'

/** Where log lines go: in pieces of whole lines, without anybody waiting for them. */
export type LogWriter = {
  write(line: string): void
  /** What was written so far is out when this resolves, or a second has passed. */
  drained(): Promise<void>
}

const pieceBytes = 65_536
const flushMs = 500
// A reader of the lines may hang, a disk may be full: so much is kept for it, what comes then is dropped.
const keptBytesMax = 8 * 1024 * 1024
const drainMs = 1000
// At the exit nobody can wait long; each try takes 100 ms.
const lastTries = 10

/**
 * Lines on stdout. The gateway goes on when they cannot be written, and ends when it is told to. Each is put into its piece
 * at once: strings that wait to be joined are copied by every collection of garbage, which costs more than making them.
 */
export const openLogWriter = (): LogWriter => {
  let failing = false
  let exiting = false
  let tries = 0
  // Once Node has opened it, a pipe that is full says so; before, whoever writes to it would hang, at the exit too.
  process.stdout.on('error', () => {})
  const file = new sonic.SonicBoom({
    fd: 1,
    sync: false,
    minLength: 4096,
    maxLength: keptBytesMax,
    contentMode: 'buffer',
    retryEAGAIN: () => !exiting || ++tries < lastTries,
  })
  file.on('error', () => (failing = true)).on('write', () => (failing = false))

  let piece = Buffer.allocUnsafeSlow(pieceBytes)
  let used = 0
  const hand = (bytes: Buffer): void => void file.write(bytes as unknown as string) // its type knows text alone
  const handOn = (): void => {
    if (used === 0) return
    // Of a piece that is nearly empty no more is kept than its lines.
    if (used < pieceBytes / 2) hand(Buffer.from(piece.subarray(0, used)))
    else {
      hand(piece.subarray(0, used))
      piece = Buffer.allocUnsafeSlow(pieceBytes)
    }
    used = 0
  }
  const flush = (told?: () => void): void => {
    handOn()
    file.flush(told)
  }
  setInterval(flush, flushMs).unref()
  process.on('exit', () => {
    exiting = true
    handOn()
    try {
      if (!failing) file.flushSync() // a full disk it would try for ever
    } catch {
      // the reader hangs
    }
  })
  return {
    write: (line) => {
      const most = 3 * line.length // UTF-8 takes up to three bytes for what is one in a string
      if (used + most > pieceBytes) handOn()
      if (most > pieceBytes) hand(Buffer.from(line))
      else used += piece.write(line, used)
    },
    drained: () =>
      new Promise((resolve) => {
        setTimeout(resolve, drainMs)
        flush(resolve)
      }),
  }
}
