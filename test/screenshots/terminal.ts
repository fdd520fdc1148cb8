import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser } from 'playwright-core'
import { track } from '../support/children.ts'

const require = createRequire(import.meta.url)
const columns = 120

/**
 * What a shell script writes on a pseudo terminal of 120 columns. A question is answered with yes. `until`: stops reading as
 * soon as this is true.
 */
export const recordTerminal = async (
  script: string,
  env: Record<string, string>,
  until: (text: string) => boolean = () => false,
): Promise<{ text: string; stop: () => Promise<unknown> }> => {
  // `script` of util-linux makes the terminal.
  const child = spawn('script', ['-qefc', `stty cols ${columns} rows 50; ${script}`, '/dev/null'], {
    env: {
      PATH: process.env['PATH'] ?? '',
      TERM: 'xterm-256color',
      LANG: 'C.UTF-8',
      SHELL: '/bin/bash',
      ...env,
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = track(child)
  let text = ''
  await new Promise<void>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      text += piece
      // The line editor moves the cursor behind its question.
      if (piece.includes('[y/N] ')) child.stdin.write('y\n')
      if (until(text)) resolve()
    })
    void ended.then(() => resolve())
  })
  return {
    text,
    stop: () => {
      // The programs on the terminal get Ctrl-C.
      child.stdin.write('\u0003')
      return ended
    },
  }
}

const page = (title: string): string => `<!doctype html><meta charset="utf-8"><style>
${readFileSync(require.resolve('@xterm/xterm/css/xterm.css'), 'utf8')}
body { margin: 0; background: transparent; }
#window { display: inline-block; border-radius: 10px; background: #14171c; border: 1px solid #353c46; overflow: hidden; }
#title { padding: 7px 14px; font: 13px system-ui, sans-serif; color: #a4adb8; background: #1d2229; }
#terminal { padding: 10px 14px 12px; }
.scrollbar { display: none !important; }
</style><div id="window"><div id="title">${title}</div><div id="terminal"></div></div>`

/** A picture of a terminal after this text, as high as it needs. */
export const drawTerminal = async (browser: Browser, title: string, text: string): Promise<Buffer> => {
  const tab = await browser.newPage({ viewport: { width: 1200, height: 1200 } })
  await tab.setContent(page(title))
  await tab.addScriptTag({ path: require.resolve('@xterm/xterm') })
  await tab.evaluate(
    ([shown, cols]) =>
      new Promise<void>((resolve) => {
        // biome-ignore lint/suspicious/noExplicitAny: a global of the page
        const { Terminal, document } = globalThis as any
        const theme = { background: '#14171c', foreground: '#e6e9ee', cursor: '#14171c' }
        const place = document.getElementById('terminal')
        const open = (rows: number, then: (terminal: typeof Terminal) => void): void => {
          const font = { fontSize: 14, lineHeight: 1.2, fontFamily: 'monospace' }
          const terminal = new Terminal({ cols, rows, theme, scrollback: 0, ...font })
          terminal.open(place)
          terminal.write(shown, () => then(terminal))
        }
        open(60, (measured) => {
          const { active } = measured.buffer
          let last = 59
          while (last > 0 && active.getLine(last).translateToString(true) === '') last--
          measured.dispose()
          place.replaceChildren()
          open(last + 1, () => setTimeout(resolve, 200))
        })
      }),
    [text.trimEnd(), columns] as const,
  )
  const picture = await tab.locator('#window').screenshot({ omitBackground: true })
  await tab.close()
  return picture
}
