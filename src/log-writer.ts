import sonic from 'sonic-boom'

const pieceBytes = 65_536
const flushMs = 500
// The buffer for a reader that hangs or a disk that is full. Lines beyond it are dropped.
const bufferBytesMax = 8 * 1024 * 1024
const drainMs = 1000
// sonic-boom waits 100 ms after each EAGAIN. At exit the process gives up after this many.
const retriesAtExitMax = 10

/**
 * Log lines on stdout, or to an open file. Callers never wait for it. The gateway goes on when they cannot be written, and it can always
 * exit.
 */
export const openLogWriter = (fd = 1) => {
  let isFailing = false
  let isExiting = false
  let retries = 0
  // The access makes Node set the pipe to non-blocking. A write to a full blocking pipe would hang the process.
  process.stdout.on('error', () => {})
  const file = new sonic.SonicBoom({
    fd,
    sync: false,
    minLength: 4096,
    maxLength: bufferBytesMax,
    contentMode: 'buffer',
    retryEAGAIN: () => !isExiting || ++retries < retriesAtExitMax,
  })
  file.on('error', () => (isFailing = true)).on('write', () => (isFailing = false))

  const piece = Buffer.allocUnsafeSlow(pieceBytes)
  let used = 0
  const writeBytes = (bytes: Buffer): void => void file.write(bytes as unknown as string) // typed for text only
  const writePiece = (): void => {
    if (used > 0) writeBytes(Buffer.from(piece.subarray(0, used)))
    used = 0
  }
  setInterval(() => {
    writePiece()
    file.flush()
  }, flushMs).unref()
  process.on('exit', () => {
    isExiting = true
    writePiece()
    try {
      // On a full disk flushSync would retry for ever.
      if (!isFailing) file.flushSync()
    } catch {
      // The reader hangs; its lines are lost.
    }
  })
  return {
    write: (line: string): void => {
      const bytesMax = 3 * line.length
      if (used + bytesMax > pieceBytes) writePiece()
      if (bytesMax > pieceBytes) writeBytes(Buffer.from(line))
      else used += piece.write(line, used)
    },
    /** Resolves when every line so far is written, or after one second. */
    drained: (): Promise<void> =>
      new Promise((resolve) => {
        setTimeout(resolve, drainMs)
        writePiece()
        file.flush(() => resolve())
      }),
  }
}
