import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { freePort } from '../support/free-port.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { describeWithChromium } from '../support/needs.ts'
import { launch } from './launch.ts'
import { passTime } from './pass-time.ts'

/** What stands for the widget: it takes its token from its own element, as ChatHub's does, and notes it. */
const fakeWidget = `(window.tokens ??= []).push(document.getElementById('operator-chat-panel-script').getAttribute('token'))`

const listen = async (answer: RequestListener, port = 0) => {
  const server = createServer(answer).listen(port, '127.0.0.1')
  await once(server, 'listening')
  return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

describeWithChromium('the widget in a page of a host application', (provided) => {
  let browser: Browser
  let gateway: TestGateway
  let site: Awaited<ReturnType<typeof listen>>
  let widget: Awaited<ReturnType<typeof listen>>
  const asked: string[] = []
  beforeAll(async () => {
    const port = await freePort()
    gateway = await startGateway({
      env: { SESSION_SECRET: 'a-secret-of-at-least-32-characters', CORS_ORIGINS: `http://127.0.0.1:${port}` },
    })
    widget = await listen((req, res) => {
      asked.push(String(req.url))
      res.setHeader('Access-Control-Allow-Origin', '*').setHeader('Content-Type', 'text/javascript')
      res.end(fakeWidget)
    })
    site = await listen(async (req, res) => {
      if (req.url === '/ticket') {
        const grant = { organizations: [24], scopes: [], origin: site.origin, operator: 101, subject: 'john' }
        const { body } = await gateway.ask('POST', '/v1/sessions', { body: grant })
        res.setHeader('Content-Type', 'application/json').end(JSON.stringify(body))
        return
      }
      const tag = (query: string) =>
        `<script type="module" src="${gateway.url}/widget/loader.js${query}" data-ticket-url="/ticket" data-contact="#contact" data-widget="${widget.origin}/operator-chat-panel/widget-script.js"></script>`
      res.setHeader('Content-Type', 'text/html')
      res.end(
        `<!doctype html><title>Desk</title><body><p id="contact" hidden>Call us.</p>${tag('')}${tag('?again')}${tag('')}`,
      )
    }, port)
    browser = await launch(provided)
  })
  afterAll(async () => {
    await browser.close()
    for (const { server } of [site, widget]) {
      server.closeAllConnections()
      server.close()
    }
    await gateway.close()
  })

  const open = async (context: BrowserContext): Promise<Page> => {
    const page = await context.newPage()
    await page.clock.install()
    // The loader sets its timer when the script of the widget has loaded, which is after it has run.
    await page.addInitScript(`document.addEventListener('load', ({ target }) => {
      if (target.id?.startsWith('operator-chat-panel-script')) window.placed = (window.placed ?? 0) + 1
    }, true)`)
    await page.goto(site.origin)
    return page
  }
  const hasTokens = (page: Page, count: number) =>
    page.waitForFunction(`window.tokens?.length === ${count} && window.placed === ${count}`, undefined, {
      polling: 50,
    })
  const tokensOf = (page: Page) => page.evaluate('window.tokens') as Promise<string[]>
  const elements = (page: Page) => page.locator('script[id^="operator-chat-panel-script"]').count()
  const hours = 3_600_000

  it('is placed once with a token of the person’s own operator, and gets a new one an hour before that ends', async () => {
    const context = await browser.newContext()
    const page = await open(context)
    await hasTokens(page, 1)
    await page.clock.runFor(22 * hours)
    // The loader is in the page three times, at two addresses.
    const issued = gateway.simulator.arrivals().filter(({ route }) => route === 'operator-token').length
    expect([(await tokensOf(page)).length, await elements(page), issued]).toEqual([1, 1, 1])
    await page.clock.runFor(hours)
    await hasTokens(page, 2)
    const tokens = await tokensOf(page)
    expect([new Set(tokens).size, await elements(page)]).toEqual([2, 1])
    for (const token of tokens) {
      const { body } = await gateway.ask('POST', '/v1/tokens:validate', { body: { token } })
      expect(body).toMatchObject({ valid: true, operatorId: 101 })
    }
    // The part of the address that makes the browser run it again is not sent.
    expect(new Set(asked)).toEqual(new Set(['/operator-chat-panel/widget-script.js']))
    expect(await page.evaluate('JSON.stringify([localStorage, sessionStorage])')).toBe('[{},{}]')
    expect(await page.locator('#contact').isVisible()).toBe(false)
    await context.close()
  })

  it('is replaced by a contact while ChatHub gives no token, and comes when it does', async () => {
    gateway.simulator.fault({ mode: 'status', status: 503, route: 'operator-token' })
    const context = await browser.newContext()
    const page = await open(context)
    await page.locator('#contact').waitFor({ state: 'visible' })
    expect(await elements(page)).toBe(0)
    gateway.simulator.clearFaults()
    await passTime(page, 60_000, async () => (await elements(page)) > 0)
    await hasTokens(page, 1)
    await page.locator('#contact').waitFor({ state: 'hidden' })
    await context.close()
  })

  it('stays while its token is good, although a new one cannot be had', async () => {
    const context = await browser.newContext()
    const page = await open(context)
    await hasTokens(page, 1)
    gateway.simulator.fault({ mode: 'status', status: 503, route: 'operator-token' })
    const refused = page.waitForResponse((answer) => answer.status() === 503)
    await page.clock.runFor(23 * hours)
    await refused
    expect([await elements(page), await page.locator('#contact').isVisible()]).toEqual([1, false])
    await passTime(page, hours, () => page.locator('#contact').isVisible())
    expect(await elements(page)).toBe(0)
    gateway.simulator.clearFaults()
    await context.close()
  })
})
