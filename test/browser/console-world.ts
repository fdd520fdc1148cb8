import axe from 'axe-core'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { type Scope, scopes } from '../../src/contract/scopes.ts'
import { type Client, startGateway, type TestGateway } from '../support/gateway.ts'

export const sessionSecret = 'a secret that only this suite has, 32 bytes'

const names = [
  'Emma Davis',
  'Олег Шевченко',
  'José Núñez',
  'Zoë Müller',
  'Alex Brown',
  'Ірина Коваль',
  'Łukasz Żółć',
]
/** So many people, of whom some are inactive and deleted. */
const people = (count: number) =>
  Array.from({ length: count }, (_, at) => ({
    id: 1000 + at,
    name: `${names[at % names.length]} ${at + 1}`,
    status: at % 9 === 8 ? 1 : at % 23 === 22 ? 2 : 0,
  }))

/** Organizations in each state of the board. */
const organizations = [
  { id: 24, name: 'Customer Support', operators: people(120) },
  {
    id: 6,
    name: 'Sales',
    operators: [
      { id: 1, name: 'Олена Шевченко', status: 0 },
      { id: 2, name: 'José Núñez', status: 0 },
      { id: 3, name: "Siobhán O'Neil", status: 0 },
      { id: 4, name: 'Марія Бондар', status: 1 },
      { id: 5, name: 'Олена Шевченко', status: 2 },
    ],
  },
  {
    id: 42,
    name: 'Back Office',
    operators: [
      { id: 21, name: 'Łukasz Żółć', status: 1 },
      { id: 22, name: 'Anna Müller', status: 1 },
    ],
  },
  { id: 50, name: 'Night Shift', operators: [{ id: 61, name: 'Taras Bondar', status: 0 }] },
  { id: 51, name: 'New Team', operators: [] },
]

/** A gateway that serves the console, before a ChatHub with something to see. Lists are refreshed each second. */
export const startConsoleGateway = (
  env: Record<string, string> = {},
  clients: Client[] = [],
  consoleFolder: URL | 'built' = 'built',
): Promise<TestGateway> =>
  startGateway({
    clients,
    env: {
      SESSION_SECRET: sessionSecret,
      CACHE_FRESH_SECONDS: '1',
      REFRESH_BUDGET_PERCENT: '50',
      COVERAGE_FLOORS: '{"*":{"floor":1,"forMinutes":0},"6":{"floor":6,"forMinutes":0}}',
      ...env,
    },
    simulator: { organizations },
    consoleFolder,
  })

/** The address that signs one person in. */
export const linkFor = async (
  gateway: TestGateway,
  {
    scopes: asked = scopes,
    subject = 'Olena',
    key = gateway.key,
  }: { scopes?: readonly Scope[]; subject?: string; key?: string | undefined } = {},
): Promise<string> => {
  const body = {
    origin: gateway.url,
    scopes: asked,
    organizations: organizations.map(({ id }) => id),
    subject,
  }
  const { ticket } = (await gateway.ask('POST', '/v1/sessions', { key, body })).body
  return `${gateway.url}/console/#ticket=${ticket}`
}

/** What the browser complains about, such as a violation of the policy. A refused request is no complaint. */
export const complaintsOf = (context: BrowserContext): string[] => {
  const complaints: string[] = []
  context.on('weberror', (error) => complaints.push(error.error().message))
  context.on('console', (message) => {
    const text = message.text()
    if (['error', 'warning'].includes(message.type()) && !text.startsWith('Failed to load resource'))
      complaints.push(text)
  })
  return complaints
}

/** What axe finds in the page by the rules of WCAG 2.2 A and AA, as lines. */
export const faultsFoundByAxe = async (page: Page): Promise<string[]> => {
  await page.evaluate(axe.source)
  const found = (await page.evaluate(
    `axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }).then(({ violations }) =>
      violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html.slice(0, 200)).join(' ; ')))`,
  )) as string[]
  return found
}

/** What does not fit: a page wider than its window, buttons whose words are cut off, rows that are wider than their box. */
export const misfits = (page: Page): Promise<string[]> =>
  page.evaluate(`[document.documentElement, ...document.querySelectorAll('button, button *, .rows-box:has(.stacks)')]
    .filter((one) => one.clientWidth > 1 && one.scrollWidth > one.clientWidth + 1)
    .filter((one) => getComputedStyle(one).textOverflow !== "ellipsis")
    .map((one) => one.tagName + ' ' + one.className + ' is too wide: ' + one.textContent.slice(0, 40))`)

export const openPage = async (
  browser: Browser,
  options: Parameters<Browser['newContext']>[0] = {},
): Promise<Page> => {
  const context = await browser.newContext({
    viewport: { width: 1200, height: 800 },
    locale: 'en-GB',
    ...options,
  })
  const page = await context.newPage()
  page.setDefaultTimeout(60_000)
  return page
}
