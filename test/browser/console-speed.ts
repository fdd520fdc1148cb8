// npm run bench:console: how soon the console can be used on a CPU that is slowed down four times, and how soon a change
// of somebody else is shown. An empty page of the same gateway stands beside it: no page is sooner on this machine.
// `-- --rounds N --rate 4 --beside <dist/console of another build>`
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import type { Browser } from 'playwright-core'
import { provide } from '../support/debian.ts'
import type { TestGateway } from '../support/gateway.ts'
import { linkFor, openPage, startConsoleGateway } from './console-world.ts'
import { launch } from './launch.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    rate: { type: 'string', default: '4' },
    beside: { type: 'string' },
  },
})
const rounds = Number(values.rounds)
const rate = Number(values.rate)

/**
 * Runs in the page before its scripts. Times in ms since the navigation began. What looks for the board must not ask for frames:
 * each costs a slow device some milliseconds.
 */
const watch = `
  window.tasks = []
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) window.tasks.push([startTime, startTime + duration])
  }).observe({ type: 'longtask', buffered: true })
  window.drawn = new Promise((resolve) => {
    const look = () => {
      if (!document.querySelector('.place')) return
      observer.disconnect()
      requestAnimationFrame(() => setTimeout(() => resolve(performance.now())))
    }
    const observer = new MutationObserver(look)
    observer.observe(document, { childList: true, subtree: true })
  })`

/**
 * The board with its numbers is drawn, and no later task keeps the thread for 50 ms. The page is watched for two more
 * seconds.
 */
const measure = `(async () => {
  const drawn = await window.drawn
  await new Promise((resolve) => setTimeout(resolve, 2000))
  const ends = window.tasks.map(([, end]) => end)
  const paint = performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0
  return { paint, drawn, interactive: Math.max(drawn, ...ends) }
})()`

type Times = { paint: number; drawn: number; interactive: number }
const median = (all: number[]): number => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0
const line = (name: string, times: Times[]): string =>
  `| ${name} | ${(['paint', 'drawn', 'interactive'] as const)
    .map((key) => {
      const all = times.map((one) => Math.round(one[key]))
      return `${median(all)} (${Math.min(...all)}–${Math.max(...all)})`
    })
    .join(' | ')} |\n`

/**
 * A visit by a link in a browser without any of the files, and a later one. `path`: what the tab shows before. Without it
 * the visit begins with a new process, which Playwright stops and prepares before the page may begin.
 */
const visits = async (browser: Browser, gateway: TestGateway, path?: string) => {
  const page = await openPage(browser)
  await page.addInitScript(watch)
  if (path) await page.goto(`${gateway.url}${path}`)
  const devTools = await page.context().newCDPSession(page)
  await devTools.send('Emulation.setCPUThrottlingRate', { rate })
  await page.goto(await linkFor(gateway))
  const first = await page.evaluate<Times>(measure)
  await page.goto('about:blank')
  await page.goto(`${gateway.url}/console/`)
  const again = await page.evaluate<Times>(measure)
  await page.context().close()
  return { first, again }
}

/** Ms from the answer to a change of somebody else until a page shows it. */
const latencies = async (browser: Browser, gateway: TestGateway): Promise<number[]> => {
  const page = await openPage(browser)
  await page.goto(await linkFor(gateway))
  await page.getByText('Nobody is active').waitFor()
  await page.goto(`${gateway.url}/console/#/6/operators`)
  await page.getByText('José Núñez').waitFor()
  const taken: number[] = []
  for (let round = 0; round < 20; round++) {
    const [status, word] = round % 2 === 0 ? ['inactive', 'Inactive'] : ['active', 'Active']
    await gateway.ask('PATCH', '/v1/organizations/6/operators/2', { body: { status } })
    const from = performance.now()
    await page.getByRole('row', { name: new RegExp(`José Núñez ${word}`) }).waitFor()
    taken.push(performance.now() - from)
  }
  return taken
}

/** What the measurement waits for is in the page from the start. */
const emptyPage =
  '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Empty</title></head><body><h1 class="place">Board</h1></body></html>'

const program = provide('chromium')
if (!program) throw new Error('Chromium is missing. Type: apt-get install chromium')
const chrome = await launch(program)
const empty = mkdtempSync(join(tmpdir(), 'chathub-empty-'))
writeFileSync(join(empty, 'index.html'), emptyPage)
const pages: Record<string, URL | 'built'> = {
  'an empty page': pathToFileURL(`${empty}/`),
  ...(values.beside && { 'the other build': pathToFileURL(`${resolve(values.beside)}/`) }),
  'the console': 'built',
}
type Served = Record<'first' | 'running' | 'again', Times[]> & { name: string; gateway: TestGateway }
const served: Served[] = []
try {
  for (const [name, folder] of Object.entries(pages))
    served.push({
      name,
      gateway: await startConsoleGateway({}, [], folder),
      first: [],
      running: [],
      again: [],
    })
  // In turns, so that what else the machine does falls on all alike.
  for (let round = 0; round < rounds; round++)
    for (const { gateway, first, running, again } of served) {
      const times = await visits(chrome, gateway)
      first.push(times.first)
      again.push(times.again)
      running.push((await visits(chrome, gateway, '/livez')).first)
    }
  process.stdout.write(
    `CPU slowed down ${rate} times, median of ${rounds} (least–most), ms since the navigation began\n\n`,
  )
  process.stdout.write('| visit | first paint | board drawn | interactive |\n|---|---:|---:|---:|\n')
  for (const { name, first } of served)
    process.stdout.write(line(`first, by a link, nothing cached, a new process: ${name}`, first))
  for (const { name, running } of served)
    process.stdout.write(line(`first, by a link, nothing cached, a process that runs: ${name}`, running))
  for (const { name, again } of served) process.stdout.write(line(`later, signed in: ${name}`, again))
  const taken = await latencies(chrome, served.at(-1)?.gateway as TestGateway)
  process.stdout.write(
    `\nA change of somebody else is shown after ${Math.round(median(taken))} ms (${Math.round(Math.max(...taken))} at most, of ${taken.length}).\n`,
  )
} finally {
  await chrome.close()
  for (const { gateway } of served) await gateway.close()
  rmSync(empty, { recursive: true })
}
