// npm run screenshots:console: a picture of every screen and state of the console, light and dark, desktop and phone, into
// docs/images/console. It fails when axe or the browser finds a fault in one of them, or when one is wider than its window.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { provide } from '../support/debian.ts'
import type { TestGateway } from '../support/gateway.ts'
import {
  complaintsOf,
  faultsFoundByAxe,
  linkFor,
  misfits,
  openPage,
  startConsoleGateway,
} from './console-world.ts'
import { hold } from './hold.ts'
import { launch } from './launch.ts'

const folder = fileURLToPath(new URL('../../docs/images/console/', import.meta.url))
const looks = [
  { name: 'desktop-light', colorScheme: 'light', viewport: { width: 1200, height: 750 } },
  { name: 'desktop-dark', colorScheme: 'dark', viewport: { width: 1200, height: 750 } },
  { name: 'phone-light', colorScheme: 'light', viewport: { width: 390, height: 760 } },
  { name: 'phone-dark', colorScheme: 'dark', viewport: { width: 390, height: 760 } },
] as const

type Tour = {
  page: Page
  gateway: TestGateway
  go(path: string, text: string): Promise<void>
  shot(name: string): Promise<void>
}

/** What people do most. */
const screens = async ({ page, gateway, go, shot }: Tour): Promise<void> => {
  await go('/', 'Too few')
  await page.getByText('Request budget').waitFor()
  await shot('board')
  await go('/wall', 'Night Shift')
  await shot('wall')
  await gateway.ask('PATCH', '/v1/organizations/24/operators/1004', { body: { status: 'inactive' } })
  await gateway.ask('PATCH', '/v1/organizations/24/operators/1004', { body: { status: 'active' } })
  await go('/24/operators', 'Alex Brown 103')
  await shot('operators')
  await go('/24/operators?open=1004', 'Complete since')
  await shot('drawer')
  await page.getByText('Place the chat widget in a page').click()
  await page.getByText('"operator":1004').waitFor()
  await shot('widget')
  await go('/24/import', 'Drop a file here')
  await shot('import')
  await page
    .getByLabel('Or paste names')
    .fill(`name;team\nNina Kent;a\n;b\nPaul Moss;c\nAlex Brown 103;x\nPaul Moss;c\n${'long '.repeat(30)};d`)
  await page.getByRole('button', { name: 'Check the names' }).click()
  await page.getByText('2 of 6 rows are ready to import').waitFor()
  await shot('import-check')
  const held = gateway.simulator.hold('synchronize', 24)
  await page.getByRole('button', { name: 'Import 2 rows' }).click()
  await held.arrived
  await page.getByText('You may leave this page').waitFor()
  await shot('import-running')
  held.release()
  await page.getByText('Import done').waitFor()
  await page.getByText('longer than 100 characters').waitFor()
  await shot('import-report')
  await go('/activity', 'Alex Brown 5: Active')
  await shot('activity')
  await go('/upstream', 'Company token')
  await shot('upstream')
  await go('/keys', 'Who may call the gateway')
  await shot('keys')
}

const dialogs = async ({ page, go, shot }: Tour): Promise<void> => {
  await go('/6/operators', 'José Núñez')
  await page.getByRole('switch', { name: /José/ }).press('Space')
  await page.getByText('José Núñez is inactive.').waitFor()
  await shot('undo')
  await page.keyboard.press('u')
  await page.getByText('José Núñez is active.').waitFor()
  await go('/50/operators', 'Taras Bondar')
  await page.getByRole('switch').press('Space')
  await page.getByText('is the last active operator').waitFor()
  await shot('last-active')
  await page.keyboard.press('Escape')
  await go('/24/operators?show=active', 'Alex Brown 103')
  await page.getByRole('checkbox').first().check()
  await page.getByRole('button', { name: /^Select all/ }).click()
  await page.getByRole('button', { name: 'Deactivate' }).click()
  await page.getByText('Afterwards nobody is active here').waitFor()
  await shot('bulk')
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Add operators' }).click()
  await page.getByRole('textbox', { name: 'Names' }).fill('Vera Holm\nAlex Brown 103')
  await page.getByRole('checkbox', { name: /Issue a token/ }).check()
  await shot('add')
  await page.getByRole('button', { name: 'Add', exact: true }).click()
  await page.getByText('1 operator added').waitFor()
  await shot('added')
  await page.keyboard.press('Escape')
  await page.keyboard.press('Control+k')
  await page.getByRole('combobox', { name: 'Go to …' }).fill('davis')
  await page.getByRole('option').first().waitFor()
  await shot('palette')
  await page.keyboard.press('Escape')
  await page.keyboard.press('?')
  await page.getByText('Undo the last change').waitFor()
  await shot('keyboard')
  await page.keyboard.press('Escape')
}

const menus = async ({ page, go, shot }: Tour): Promise<void> => {
  await go('/6/operators', 'José Núñez')
  for (const [name, picture] of [
    [/^Health/, 'health'],
    [/^Organization/, 'organizations'],
    ['Language', 'languages'],
    ['Your session', 'session'],
  ] as const) {
    await page.getByRole('button', { name }).click()
    await page.locator('.panel:popover-open > *').first().waitFor()
    await shot(picture)
    await page.keyboard.press('Escape')
  }
  // A narrow window has the screens behind a button.
  const navigation = page.getByRole('button', { name: 'Menu' })
  if (!(await navigation.isVisible())) return
  await navigation.click()
  await shot('navigation')
  await navigation.click()
}

const states = async ({ page, gateway, go, shot }: Tour): Promise<void> => {
  await go('/51/operators', 'No operators yet')
  await shot('empty')
  await go('/24/operators?q=nobody', 'None of')
  await shot('no-match')
  const list = await hold(page, '**/organizations/42/operators?*')
  await go('/42/operators', 'Loading')
  await shot('loading')
  await list.release()
  const problem = {
    code: 'limit.exceeded',
    status: 429,
    detail: 'Too many requests.',
    requestId: 'b3f1c9d06a52',
  }
  await page.route('**/organizations/6/operators?*', (route) =>
    route.fulfill({ status: 429, headers: { 'Retry-After': '42' }, json: problem }),
  )
  await go('/6/operators', 'Again in')
  await shot('limited')
  await page.unroute('**/organizations/6/operators?*')
  await page.route('**/v1/events', (route) => route.abort())
  await page.reload()
  await go('/6/operators', 'José Núñez')
  await page.getByText('Live updates are interrupted').waitFor()
  await shot('polling')
  await page.unroute('**/v1/events')
  await go('/6/operators', 'José Núñez')
  await page.getByText('Live updates are interrupted').waitFor({ state: 'detached' })
  const since = new Date().toISOString()
  const status = {
    chathub: { state: 'ok', since, checkedAt: since },
    redis: { state: 'away', since },
    budget: { state: 'ok', since },
    checkedAt: since,
  }
  await page.route('**/v1/status', (route) => route.fulfill({ json: status }))
  await page.getByText('Redis is not answering').first().waitFor()
  await shot('redis-away')
  await page.unroute('**/v1/status')
  gateway.simulator.fault({ mode: 'status', status: 503 })
  gateway.jump(300_000)
  await page.getByText('ChatHub is not answering').first().waitFor()
  await shot('chathub-down')
  await gateway.ask('POST', '/v1/cache:purge', { body: { organization: 42 } })
  await go('/42/operators', 'Copy the id')
  await shot('error')
  gateway.simulator.clearFaults()
  await page.context().setOffline(true)
  await page.getByText('This device is offline').waitFor()
  await shot('offline')
  await page.context().setOffline(false)
  await page.context().clearCookies()
  await go('/activity', 'Your session has ended')
  await shot('signed-out')
  // Only a new document reads the link.
  await page.goto('about:blank')
  await page.goto(
    await linkFor(gateway, { scopes: ['operators:read', 'organizations:read'], subject: 'Guest' }),
  )
  await go('/upstream', 'You may not see this')
  await shot('forbidden')
  await go('/6/operators', 'José Núñez')
  await shot('read-only')
  await page.context().clearCookies()
  await page.reload()
  await page.getByText('Open a sign-in link').waitFor()
  await shot('sign-in')
}

const faults: string[] = []
const visit = async (chrome: Browser, { name: look, ...options }: (typeof looks)[number]): Promise<void> => {
  const gateway = await startConsoleGateway()
  const page = await openPage(chrome, { ...options, reducedMotion: 'reduce' })
  const complaints = complaintsOf(page.context())
  const tour: Tour = {
    page,
    gateway,
    go: async (path, text) => {
      await page.goto(`${gateway.url}/console/#${path}`)
      await page.getByText(text).first().waitFor({ state: 'attached' })
    },
    shot: async (name) => {
      await page.screenshot({ path: join(folder, `${name}-${look}.png`) })
      const found = [...complaints.splice(0), ...(await faultsFoundByAxe(page)), ...(await misfits(page))]
      faults.push(...found.map((fault) => `${name}-${look}: ${fault}`))
    },
  }
  try {
    await page.goto(await linkFor(gateway))
    await page.getByText('Nobody is active').waitFor()
    for (const part of [screens, dialogs, menus, states]) await part(tour)
  } finally {
    await page.context().close()
    await gateway.close()
  }
}

mkdirSync(folder, { recursive: true })
const program = provide('chromium')
if (!program) throw new Error('Chromium is missing. Type: apt-get install chromium')
const browser = await launch(program)
try {
  for (const look of looks.filter(({ name }) => name.includes(process.argv[2] ?? '')))
    await visit(browser, look)
} finally {
  await browser.close()
}
process.stdout.write(faults.length === 0 ? 'No faults.\n' : `${faults.join('\n')}\n`)
process.exitCode = faults.length === 0 ? 0 : 1
