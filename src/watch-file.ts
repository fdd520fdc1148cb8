import { readFile } from 'node:fs/promises'
import { type Clock, pause } from './clock.ts'

const pollMs = 500

/**
 * The text of a file without its byte order mark: UTF-8, or UTF-16 with a mark, as Windows PowerShell writes it.
 */
export const textOf = (bytes: Buffer): string => {
  const mark = bytes.toString('hex', 0, 2)
  const coding = mark === 'fffe' ? 'utf-16le' : mark === 'feff' ? 'utf-16be' : 'utf-8'
  return new TextDecoder(coding).decode(bytes)
}

/**
 * Reads a file every half second until `signal` is aborted. It calls `changed` with the first text and after each change.
 * A mounted secret is replaced by renaming, which file events miss; therefore the file is polled. When the file cannot be
 * read, or `changed` throws, `kept` is called with the reason, once per content. It never rejects.
 */
export const watchFile = async (options: {
  path: string
  clock: Clock
  signal: AbortSignal
  changed(text: string): void
  kept(reason: string): void
}): Promise<void> => {
  const { path, clock, signal, changed, kept } = options
  let last: string | undefined
  for (;;) {
    await pause(clock, pollMs, signal)
    // No text file begins with NUL, so an error differs from every content.
    const text = await readFile(path).then(textOf, (error: NodeJS.ErrnoException) => `\0${error.code}`)
    if (signal.aborted) return
    if (text === last) continue
    last = text
    try {
      if (text.startsWith('\0')) throw new Error(`cannot be read (${text.slice(1)})`)
      changed(text)
    } catch (error) {
      kept((error as Error).message)
    }
  }
}
