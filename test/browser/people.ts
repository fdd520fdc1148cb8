import type { Browser, Page } from 'playwright-core'
import type { Provided } from '../support/debian.ts'
import type { Client, TestGateway } from '../support/gateway.ts'
import {
  complaintsOf,
  faultsFoundByAxe,
  linkFor,
  openPage,
  sessionSecret,
  startConsoleGateway,
} from './console-world.ts'
import { keyboardOf } from './keyboard.ts'
import { launch } from './launch.ts'
import { recordOf } from './record-of.ts'

/** Several people at one gateway, each with a browser context of their own. */
const createPeople = (browser: Browser, gateway: TestGateway) => {
  const people: { page: Page; complaints: string[]; record: ReturnType<typeof recordOf> }[] = []
  return {
    /** A person who is not signed in. The time of the page can be put forward. */
    add: async (): Promise<Page> => {
      const page = await openPage(browser, { reducedMotion: 'reduce' })
      const context = page.context()
      people.push({ page, complaints: complaintsOf(context), record: recordOf(context) })
      await context.clock.install()
      return page
    },
    signIn: async (page: Page, options: Parameters<typeof linkFor>[1] = {}): Promise<void> => {
      await page.goto(await linkFor(gateway, options))
      await keyboardOf(page).see('Nobody is active')
    },
    go: (page: Page, path: string) => page.goto(`${gateway.url}/console/#${path}`),
    /** What the browsers have found wrong so far, and axe at this moment. */
    faults: async (page: Page): Promise<string[]> => [
      ...people.flatMap(({ complaints }) => complaints),
      ...(await faultsFoundByAxe(page)),
    ],
    /** The names of the secrets in what the browsers received and kept. `shown`: tokens that were shown on purpose. */
    secretsSeen: async (more: Record<string, string>, shown: readonly string[] = []): Promise<string[]> => {
      const seen = people.map(async ({ page, record }) => (await record.text()) + (await record.stores(page)))
      const all = (await Promise.all(seen)).join('\n')
      for (const known of ['José Núñez', 'x-request-id', '__Host-chathub-session', ...shown])
        if (!all.includes(known)) throw new Error(`The record lacks ${known}.`)
      const issued = gateway.simulator.issuedTokens().filter((token) => !shown.includes(token))
      if (issued.length === 0) throw new Error('There is no company token to look for.')
      const secrets = {
        ...gateway.keys,
        ...{ password: 'demo-password', 'session secret': sessionSecret, ...more },
        ...Object.fromEntries(issued.map((token, at) => [`company token ${at}`, token])),
      }
      return Object.entries(secrets).flatMap(([name, text]) => (all.includes(text) ? [name] : []))
    },
  }
}
export type People = ReturnType<typeof createPeople>

export type World = { gateway: TestGateway; people: People; close(): Promise<void> }

/** A gateway with the console, and a browser for the people who use it. */
export const openWorld = async (
  chromium: Provided,
  env: Record<string, string> = {},
  clients: Client[] = [],
): Promise<World> => {
  const gateway = await startConsoleGateway(env, clients)
  const browser = await launch(chromium)
  return {
    gateway,
    people: createPeople(browser, gateway),
    close: async () => {
      await browser.close()
      await gateway.close()
    },
  }
}
