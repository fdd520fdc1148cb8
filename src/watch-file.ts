import { readFile } from 'node:fs/promises'

/**
 * Reads a file again every half second and hands over its text when it changed. Polled, since a mounted secret is
 * replaced by renaming, which file events miss. A file that cannot be read, or that `changed` throws at, is `kept`: the
 * old content stays in use and the fault is told once per content.
 */
export const watchFile = (
  path: string,
  before: string,
  { changed, kept }: { changed(text: string): void; kept(because: string): void },
): { close(): void } => {
  let last = before
  const check = async (): Promise<void> => {
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => `\0${error.code}`)
    if (text === last) return
    last = text
    try {
      if (text.startsWith('\0')) throw new Error(`cannot be read (${text.slice(1)})`)
      changed(text)
    } catch (error) {
      kept((error as Error).message)
    }
  }
  let busy = false
  const timer = setInterval(async () => {
    if (busy) return
    busy = true
    await check()
    busy = false
  }, 500)
  timer.unref()
  return { close: () => clearInterval(timer) }
}
