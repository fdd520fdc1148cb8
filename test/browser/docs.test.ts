import { afterAll, beforeAll, expect, it } from '@jest/globals'
import type { Browser, Page } from 'playwright-core'
import { hashKey } from '../../src/access/keys.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { describeWithChromium } from '../support/needs.ts'
import { launch } from './launch.ts'

const key = 'a-key-for-everybody-0123456789012345'
const pages = ['/docs', '/docs/problems', '/docs/problems/queue.full', '/docs/guides/limits']

describeWithChromium('the pages in a browser', (provided) => {
  let browser: Browser
  let gateway: TestGateway
  /** What a browser complains about, such as a violation of the policy. */
  const complaints: string[] = []
  const open = async (
    path: string,
    options: { width?: number; colorScheme?: 'dark'; javaScriptEnabled?: false } = {},
  ): Promise<Page> => {
    const { width = 1200, ...rest } = options
    const context = await browser.newContext({ viewport: { width, height: 800 }, ...rest })
    const page = await context.newPage()
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(`${path}: ${message.text()}`)
    })
    page.on('pageerror', (error) => complaints.push(`${path}: ${error.message}`))
    const answer = await page.goto(gateway.url + path)
    expect([path, answer?.status()]).toEqual([path, 200])
    return page
  }
  beforeAll(async () => {
    gateway = await startGateway({ env: { DOCS_KEY: key }, clients: [{ id: 'demo', keyHash: hashKey(key) }] })
    browser = await launch(provided)
  })
  afterAll(async () => {
    await browser.close()
    await gateway.close()
  })

  it.each(pages)('%s fits a phone, without any complaint of the browser', async (path) => {
    const page = await open(path, { width: 360, colorScheme: 'dark' })
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
    await page.context().close()
    expect(complaints).toEqual([])
  })

  it('operations of the reference are expanded and carried out on a phone, within the policy', async () => {
    const page = await open('/docs/reference', { width: 360, colorScheme: 'dark' })
    await page.waitForSelector('.opblock-tag')
    await page.locator('#signed-in', { hasText: 'The key of the demo is filled in.' }).waitFor()
    const expand = async (tag: string, operation: string) => {
      await page.locator(`.opblock-tag[data-tag="${tag}"]`).click()
      const block = page.locator(`#operations-${tag}-${operation}`)
      await block.locator('.opblock-summary-control').click()
      return block
    }
    await expand('operators', 'addOperators')
    const list = await expand('organizations', 'listOrganizations')
    await list.locator('.execute').click()
    await list.locator('.live-responses-table', { hasText: 'Customer Support' }).first().waitFor()
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
    await page.context().close()
    expect(complaints).toEqual([])
  })

  it('the search is used by keyboard alone', async () => {
    const page = await open('/docs')
    await page.keyboard.press('/')
    await page.keyboard.type('queue full')
    await page.locator('.search li a').first().waitFor()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await page.waitForURL('**/docs/problems/queue.full')
    await page.context().close()
  })

  it('a sample is copied', async () => {
    const page = await open('/docs')
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    await page.locator('.sample button').first().click()
    await page.locator('text=Copied').waitFor()
    expect(await page.evaluate('navigator.clipboard.readText()')).toContain(`export KEY='${key}'`)
    await page.context().close()
  })

  it('without a script everything is read but the reference, which says where else to read', async () => {
    const start = await open('/docs', { javaScriptEnabled: false })
    expect(await start.locator('.search').isVisible()).toBe(false)
    await start.locator('#operators > summary').click()
    expect(
      await start.locator('code:has-text("GET /v1/organizations/{org}/operators")').first().isVisible(),
    ).toBe(true)
    const reference = await open('/docs/reference', { javaScriptEnabled: false })
    expect(await reference.textContent('noscript')).toContain('This page needs a script')
  })
})
