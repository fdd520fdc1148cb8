import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { stopEverything } from '../support/children.ts'
import { installLine, provide } from '../support/debian.ts'
import { drawTerminal, recordTerminal } from './terminal.ts'

// npm run screenshots: makes docs/images from the real programs. Port 8080 should be free, since the pictures show it.

const project = join(import.meta.dirname, '../..')
const folder = join(project, 'docs/images')
const bytesMax = 120 * 1024

/** Keeps a picture as WebP, which is a third of the PNG. With SCREENSHOTS_PNG the PNG is kept in that folder too. */
const save = async (name: string, png: Buffer): Promise<void> => {
  const copies = process.env['SCREENSHOTS_PNG']
  if (copies) writeFileSync(join(copies, `${name}.png`), png)
  const tab = await browser.newPage()
  const encoded = await tab.evaluate(async (base64) => {
    // biome-ignore lint/suspicious/noExplicitAny: globals of the page
    const { Image, document } = globalThis as any
    const image = new Image()
    image.src = `data:image/png;base64,${base64}`
    await image.decode()
    const canvas = document.createElement('canvas')
    Object.assign(canvas, { width: image.width, height: image.height })
    canvas.getContext('2d').drawImage(image, 0, 0)
    return canvas.toDataURL('image/webp', 0.8).split(',')[1] as string
  }, png.toString('base64'))
  await tab.close()
  const picture = Buffer.from(encoded, 'base64')
  writeFileSync(join(folder, `${name}.webp`), picture)
  process.stdout.write(`${name.padEnd(14)} ${Math.ceil(picture.length / 1024)} kB\n`)
  if (picture.length > bytesMax) throw new Error(`${name} has more than ${bytesMax} bytes`)
}

const drawPage = async (
  name: string,
  url: string,
  options: { width?: number; height?: number; dark?: boolean; open?: string } = {},
): Promise<void> => {
  const { width = 1100, height = 760, dark = false, open } = options
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
  })
  const page = await context.newPage()
  await page.goto(url, { waitUntil: 'networkidle' })
  if (open) await page.locator(open).first().click()
  await save(name, await page.screenshot())
  await context.close()
}

const chromiumProgram = provide('chromium')
if (!chromiumProgram) throw new Error(`chromium is missing, type: ${installLine('chromium')}`)
mkdirSync(folder, { recursive: true })
const home = mkdtempSync(join(tmpdir(), 'screenshots-'))
const bin = join(home, 'bin')
mkdirSync(bin)
writeFileSync(
  join(bin, 'chathub-gateway'),
  `#!/bin/sh\nexec ${process.execPath} ${project}/dist/cli.js "$@"\n`,
  {
    mode: 0o755,
  },
)
const path = `${bin}:${process.env['PATH']}`
const browser = await chromium.launch({
  executablePath: chromiumProgram.command,
  env: { ...(process.env as Record<string, string>), ...chromiumProgram.env },
  args: ['--disable-lcd-text', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
})

/** The lines as somebody types them, each with what it answers. */
const typed = (...lines: string[]): string =>
  lines
    .map(
      (line) =>
        `printf '\\033[1;32m$\\033[0m %s\\n' ${JSON.stringify(line).replaceAll('$', '\\$')}; ${line}; `,
    )
    .join('')

try {
  const isUp = (text: string): boolean => text.includes('Ctrl-C stops')
  const demo = await recordTerminal(
    typed('chathub-gateway demo'),
    { PATH: path, CHATHUB_REQUESTS_PER_SECOND: '5' },
    isUp,
  )
  await save('demo', await drawTerminal(browser, 'The demo', demo.text))
  const exported = (name: string): string => new RegExp(`${name}=(\\S+)`).exec(demo.text)?.[1] ?? ''
  const [url, chathub] = [exported('GATEWAY'), exported('CHATHUB')]
  const env = {
    PATH: path,
    CHATHUB_GATEWAY_URL: url,
    CHATHUB_GATEWAY_KEY: exported('KEY'),
    HOME: home,
    CHATHUB: chathub,
  }

  await drawPage('docs', `${url}/docs`)
  await drawPage('docs-phone', `${url}/docs`, { width: 390, height: 760, dark: true })
  await drawPage('reference', `${url}/docs/reference`, {
    open: '.opblock-tag[data-tag="operators"]',
  })
  await drawPage('guide', `${url}/docs/guides/imports`, { dark: true })

  const shell = (script: string, until?: (text: string) => boolean, more: Record<string, string> = {}) =>
    recordTerminal(`cd ${home}; ${script}`, { ...env, ...more }, until)
  const picture = async (name: string, title: string, script: string, more?: Record<string, string>) =>
    save(name, await drawTerminal(browser, title, (await shell(script, undefined, more)).text))
  await picture(
    'operators',
    'Operators',
    typed(
      'chathub-gateway operators list --org 24',
      "chathub-gateway operators add --org 24 'Alex Brown' 'john smith'",
      'chathub-gateway operators set-status active 103 --org 24',
    ),
  )
  writeFileSync(
    join(home, 'people.csv'),
    ['name', ...Array.from({ length: 1500 }, (_, i) => `Person ${i}`)].join('\n'),
  )
  const half = (text: string): boolean => /█{12,}░/.test(text)
  const running = await shell(typed('chathub-gateway operators import people.csv --org 24'), half)
  await save('import', await drawTerminal(browser, 'An import', running.text))
  await running.stop()
  await picture('doctor', 'Doctor', typed('chathub-gateway doctor'), {
    CHATHUB_BASE_URL: chathub,
    CHATHUB_COMPANY_TOKEN: 'ct_of-another-company',
    API_KEYS: JSON.stringify({ clients: [{ id: 'crm', keyHash: `sha256:${'0'.repeat(64)}` }] }),
  })
  await picture(
    'probe',
    'The probe at a simulated ChatHub',
    typed('chathub-gateway probe --organization 42'),
    { CHATHUB_BASE_URL: chathub, CHATHUB_COMPANY_TOKEN: 'ct_demo-company-token' },
  )
  await picture(
    'failure',
    'Failures',
    typed(
      'chathub-gateway operators list --org 999',
      'chathub-gateway operators list --org 24 --key cgw_wrong',
      'chathub-gateway operators list --org 24 --url http://127.0.0.1:9',
    ),
  )
  await demo.stop()
} finally {
  await browser.close()
  await stopEverything()
  rmSync(home, { recursive: true, force: true })
}
