import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { isLong } from '../support/long.ts'
import { describeWithChromium } from '../support/needs.ts'
import { stopEverything } from '../support/processes.ts'
import { attack } from './attack.ts'
import { launch } from './launch.ts'
import { type Placement, place, secretsOf, type Where } from './placement.ts'
import { recordOf } from './record-of.ts'

describeWithChromium('a front end without tokens', (provided) => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launch(provided)
  })
  afterAll(async () => {
    await browser.close()
    await stopEverything()
  })

  const places: Where[] = isLong ? ['own site', 'other port', 'other site'] : ['own site', 'other site']
  describe.each(places)('with the gateway on its %s', (where) => {
    let placed: Placement
    let context: BrowserContext
    let page: Page
    let record: ReturnType<typeof recordOf>
    const errors: string[] = []
    beforeAll(async () => {
      placed = await place(where)
      context = await browser.newContext({ ignoreHTTPSErrors: true })
      record = recordOf(context)
      page = await context.newPage()
      page.on('pageerror', (error) => errors.push(error.message))
      page.on('console', (message) => {
        if (/Content Security Policy/.test(message.text())) errors.push(message.text())
      })
      await page.goto(placed.page)
    })
    afterAll(async () => {
      await context.close()
      await placed.close()
    })

    const rowOf = (name: string) => page.locator('tr', { hasText: name })
    const says = async (text: string) => page.locator('#message', { hasText: text }).waitFor()

    it('signs in without user action and lists the operators', async () => {
      await says('3 operators.')
      expect(await page.locator('#operators tr').allInnerTexts()).toEqual([
        expect.stringContaining('John Smith'),
        expect.stringContaining('Sarah Johnson'),
        expect.stringContaining('Mike Wilson'),
      ])
      expect(await page.locator('#organization option').allInnerTexts()).toEqual([
        'Customer Support',
        'Sales',
      ])
    })

    it('shows names as text, also when they contain HTML', async () => {
      const name = '<img src=x onerror=alert(1)>'
      placed.gateway.simulator.changeOperator(4, { name })
      await page.selectOption('#organization', 'Sales')
      await rowOf(name).waitFor()
      expect(await page.locator('img').count()).toBe(0)
      await page.selectOption('#organization', 'Customer Support')
      await says('3 operators.')
    })

    it('changes a status, in ChatHub too', async () => {
      await rowOf('Mike Wilson').getByRole('button', { name: 'Activate' }).click()
      await says('Mike Wilson is active.')
      expect(placed.gateway.simulator.operators().find(({ id }) => id === 103)?.status).toBe(0)
    })

    it('keeps its session over a reload, without a new ticket', async () => {
      const asked: string[] = []
      page.on('request', (request) => asked.push(new URL(request.url()).pathname))
      await page.reload()
      await says('3 operators.')
      expect(asked).not.toContain('/ticket')
    })

    it('has a session cookie that its scripts cannot see', async () => {
      const cookies = await context.cookies(placed.api)
      expect(cookies).toMatchObject([
        {
          name: '__Host-chathub-session',
          httpOnly: true,
          secure: true,
          path: '/',
          sameSite: where === 'other site' ? 'None' : 'Strict',
        },
      ])
      const stores = await record.stores(page)
      expect(stores).not.toContain(cookies[0]?.value)
      expect(await page.evaluate('document.cookie')).toBe('')
    })

    it('cannot be used by pages of other origins: they read nothing and change nothing', async () => {
      const statuses: number[] = []
      for (const origin of placed.attackers) statuses.push(...(await attack({ context, origin, ...placed })))
      // Pages of the same site do send the cookie, so the gateway must refuse them.
      expect(statuses).toContain(403)
      await page.reload()
      await says('3 operators.')
    })

    it('ends the session and removes the cookie when the user signs out', async () => {
      const [cookie] = await context.cookies(placed.api)
      await page.getByRole('button', { name: 'Sign out' }).click()
      await says('Signed out.')
      expect(await context.cookies(placed.api)).toEqual([])
      const { status } = await placed.gateway.ask('GET', '/v1/session', {
        key: '',
        headers: {
          Cookie: `${cookie?.name}=${cookie?.value}`,
          Origin: placed.page,
          'X-Gateway-Session': '1',
        },
      })
      expect(status).toBe(401)
    })

    it('has received no token, password or key in any answer or store', async () => {
      const all = (await record.text()) + (await record.stores(page))
      // Proves that the record holds headers and bodies.
      for (const known of ['Sarah Johnson', 'credentials: ', '__Host-chathub-session', 'x-request-id'])
        expect([known, all.includes(known)]).toEqual([known, true])
      const secrets = secretsOf(placed)
      expect(Object.keys(secrets)).toEqual(
        expect.arrayContaining(['all', 'host-application', 'company token 0']),
      )
      expect(Object.keys(secrets).filter((name) => all.includes(secrets[name] as string))).toEqual([])
      expect(errors).toEqual([])
    })
  })
})
