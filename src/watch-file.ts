import { readFile } from 'node:fs/promises'
import type { Clock } from './clock.ts'

const pollMs = 500

/**
 * Reads a file every half second and calls `changed` with its text after each change. A mounted secret is replaced by
 * renaming, which file events miss; therefore the file is polled. When the file cannot be read, or `changed` throws, the
 * caller keeps the old content and `kept` is called with the reason, once per content.
 */
export const watchFile = (options: {
  path: string
  /** The content that is in use. */
  current: string
  clock: Clock
  changed(text: string): void
  kept(reason: string): void
}): { close(): void } => {
  const { path, clock, changed, kept } = options
  let last = options.current
  let cancel = (): void => {}
  let isClosed = false

  const check = async (): Promise<void> => {
    // No text file begins with NUL, so an error differs from every content.
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => `\0${error.code}`)
    if (text === last || isClosed) return
    last = text
    try {
      if (text.startsWith('\0')) throw new Error(`cannot be read (${text.slice(1)})`)
      changed(text)
    } catch (error) {
      kept((error as Error).message)
    }
  }
  const poll = (): void => {
    cancel = clock.after(pollMs, async () => {
      await check()
      if (!isClosed) poll()
    })
  }
  poll()
  return {
    close: () => {
      isClosed = true
      cancel()
    },
  }
}
