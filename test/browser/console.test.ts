import { afterAll, beforeAll, expect, it } from '@jest/globals'
import type { Page } from 'playwright-core'
import type { TestGateway } from '../support/gateway.ts'
import { describeWithChromium } from '../support/needs.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { linkFor, misfits } from './console-world.ts'
import { hold } from './hold.ts'
import { keyboardOf } from './keyboard.ts'
import { openWorld, type People, type World } from './people.ts'

describeWithChromium('the console, by keyboard', (chromium) => {
  let redis: TestRedis
  let world: World
  let gateway: TestGateway
  let people: People
  let page: Page
  beforeAll(async () => {
    redis = await startRedis()
    world = await openWorld(chromium, { REDIS_URL: redis.url })
    ;({ gateway, people } = world)
    page = await people.add()
  })
  afterAll(async () => {
    await world?.close()
    await redis?.stop()
  })

  const press = (...keys: string[]) => keyboardOf(page).press(...keys)
  const tabTo = (name: string | RegExp) => keyboardOf(page).tabTo(name)
  const enter = (name: string | RegExp) => keyboardOf(page).enter(name)
  const choose = (name: string | RegExp) => keyboardOf(page).choose(name)
  const see = (text: string | RegExp) => keyboardOf(page).see(text)
  /** A window that has just become narrow is laid out anew. */
  const fits = (path: string): Promise<void> =>
    until(async () => (await misfits(page)).length === 0, `${path} fits into its window`)
  const statusOf = (id: number) => gateway.simulator.operators().find((each) => each.id === id)?.status
  const faults = () => people.faults(page)

  it('signs in by a link, whose ticket leaves the address at once', async () => {
    // What the first screen needs is asked for before its script is there, and asked for once.
    const script = await hold(page, '**/assets/index-*.js')
    const asked = page.waitForRequest('**/v1/statistics')
    await page.goto(await linkFor(gateway), { waitUntil: 'commit' })
    await asked
    await script.release()
    await see('Nobody is active')
    expect(await page.evaluate('[...early.keys()]')).toEqual([])
    expect(page.url()).toBe(`${gateway.url}/console/#/`)
    expect(await page.evaluate('document.cookie + JSON.stringify(localStorage)')).not.toContain('ticket')
    await see('Too few: 6 are wanted')
    expect(await faults()).toEqual([])
  })

  it('shows each screen on a narrow window and at twice the size, in dark colours too', async () => {
    await page.emulateMedia({ colorScheme: 'dark' })
    for (const [path, text] of [
      ['/', 'Back Office'],
      ['/24/operators', 'Alex Brown 103'],
      ['/24/import', 'Drop a file here'],
      ['/activity', 'Made a sign-in'],
      ['/upstream', 'Company token'],
      ['/keys', 'all'],
      ['/wall', 'Night Shift'],
    ] as const) {
      await page.setViewportSize({ width: 320, height: 700 })
      await page.goto(`${gateway.url}/console/#${path}`)
      await see(text)
      await fits(path)
      await page.setViewportSize({ width: 640, height: 400 })
      await fits(path)
      expect([path, await faults()]).toEqual([path, []])
    }
    await page.setViewportSize({ width: 1200, height: 800 })
    await page.emulateMedia({ colorScheme: 'light' })
    await press('Escape')
    await see('Too few: 6 are wanted')
  })

  it('filters by name, and says how many of all match', async () => {
    await press('g', 'o')
    await see('Alex Brown 103')
    await press('/')
    await page.keyboard.type('emma davis 8')
    await see('2 of 120 operators')
    expect(page.url()).toContain('q=emma')
    expect(await faults()).toEqual([])
    await enter(/^Deleted/)
    await see('0 of 120 operators')
    await page.goBack()
    await see('2 of 120 operators')
    await page.goForward()
    await see('0 of 120 operators')
    await page.goBack()
    await see('2 of 120 operators')
  })

  it('deactivates an operator, and undoes it', async () => {
    const before = statusOf(1007)
    expect(before).toBe(0)
    await tabTo('Emma Davis 8 takes chats')
    await press('Space')
    await see('Emma Davis 8 is inactive.')
    expect(statusOf(1007)).toBe(1)
    await press('u')
    await see('Emma Davis 8 is active.')
    expect(statusOf(1007)).toBe(0)
    expect(await faults()).toEqual([])
    await until(async () => (await page.getByRole('row', { name: /Emma Davis 8 .*Olena/ }).count()) === 1)
  })

  it('asks twice before the last active operator is silenced', async () => {
    await page.goto(`${gateway.url}/console/#/50/operators`)
    await see('1 of 1 operators')
    await tabTo('Taras Bondar takes chats')
    await press('Space')
    await see('Taras Bondar is the last active operator')
    expect(await faults()).toEqual([])
    await press('Escape')
    expect(statusOf(61)).toBe(0)
    await keyboardOf(page).isGiven('Taras Bondar takes chats')
    await press('Space')
    await tabTo('Deactivate anyway')
    await press('Enter')
    await see('Taras Bondar is inactive.')
    expect(statusOf(61)).toBe(1)
    // It can be taken back from another screen, too.
    await press('g', 'b')
    await see('Need somebody')
    await press('u')
    await see('Taras Bondar is active.')
  })

  it('changes all that match with one operation, and undoes it with one key', async () => {
    const active = () => gateway.simulator.operators(24).filter(({ status }) => status === 0).length
    const before = active()
    await page.goto(`${gateway.url}/console/#/24/operators?show=active&q=davis`)
    await tabTo('Select all on this page')
    await press('Space')
    await tabTo('Deactivate')
    await press('Enter')
    const [, count = ''] =
      /Deactivate (\d+) operator/.exec((await page.getByRole('dialog').textContent()) ?? '') ?? []
    expect(Number(count)).toBeLessThan(21)
    expect(await faults()).toEqual([])
    await tabTo(`Deactivate ${count}`)
    await press('Enter')
    await see(`${count} operators changed.`)
    expect(active()).toBe(before - Number(count))
    // Of all operations that this person sees, another one is the newest now.
    const body = { ids: [1001], status: 'inactive' }
    await gateway.ask('POST', '/v1/organizations/24/operators:setStatus', { body })
    await press('u')
    await see(`${count} operators set back.`)
    expect([active(), statusOf(1001)]).toEqual([before - 1, 1])
    await gateway.ask('PATCH', '/v1/organizations/24/operators/1001', { body: { status: 'active' } })
  })

  it('wants a number typed above twenty', async () => {
    await page.goto(`${gateway.url}/console/#/24/operators?show=active`)
    await see('Alex Brown 103')
    await tabTo('Select all on this page')
    await press('Space')
    await press('b')
    await keyboardOf(page).isGiven(/^Select all \d+ that match$/)
    await press('Enter')
    await enter('Deactivate')
    await see('Afterwards nobody is active here')
    const go = page.getByRole('button', { name: /^Deactivate \d+$/ })
    expect(await go.isDisabled()).toBe(true)
    await press('Escape')
  })

  it('imports 250 rows of which 3 are bad, and reports them', async () => {
    await press('Control+k')
    await page.getByRole('combobox', { name: 'Go to …' }).waitFor()
    await page.keyboard.type('imp')
    await press('Enter')
    await see('Drop a file here')
    await tabTo('Or paste names')
    const bad = new Map([
      [10, ''],
      [20, 'Bell\u0007'],
      [30, 'x'.repeat(120)],
    ])
    const rows = Array.from({ length: 250 }, (_, at) => `${bad.get(at) ?? `New Person ${at}`};night`)
    await page.keyboard.insertText(`name;team\n${rows.join('\n')}\n`)
    await tabTo('Check the names')
    await press('Enter')
    await see('247 of 250 rows are ready to import')
    await keyboardOf(page).isGiven('Pasted names')
    expect(await faults()).toEqual([])
    await enter('Import 247 rows')
    await see('Import done')
    await see('longer than 100 characters')
    expect(gateway.simulator.operators(24).length).toBe(120 + 247)
    expect(await faults()).toEqual([])
    await page.reload()
    await see('nothing visible in it')
  })

  it('shows a change made behind the back of the gateway, without a reload', async () => {
    await page.goto(`${gateway.url}/console/#/6/operators`)
    await see('José Núñez')
    await page.evaluate('window.isSame = true')
    gateway.simulator.changeOperator(2, { status: 1 })
    await page.getByRole('row', { name: /José Núñez Inactive/ }).waitFor()
    expect(await page.evaluate('window.isSame')).toBe(true)
    // The row flashes, but not for those who asked for less motion.
    const motion = () =>
      page.evaluate(`(() => {
        const row = document.querySelector('tbody tr')
        row.dataset.flash = '1'
        return getComputedStyle(row).animationName
      })()`)
    // Nor does what waits for an answer move.
    const waiting = () =>
      page.evaluate(`['skeleton', 'button'].map((name) => {
        const element = document.createElement('button')
        element.className = name
        element.dataset.loading = 'true'
        document.body.append(element)
        const { animationName } = getComputedStyle(element, name === 'button' ? '::after' : null)
        element.remove()
        return animationName
      })`)
    expect([await motion(), await waiting()]).toEqual(['none', ['none', 'none']])
    await page.emulateMedia({ reducedMotion: 'no-preference' })
    expect([await motion(), await waiting()]).toEqual(['flash', ['skeleton', 'button-turns']])
    await page.emulateMedia({ reducedMotion: 'reduce' })
  })

  it('undoes the change of a colleague from the activity', async () => {
    await gateway.ask('PATCH', '/v1/organizations/6/operators/3', { body: { status: 'inactive' } })
    await press('g', 'a')
    await see("Siobhán O'Neil: Active → Inactive")
    expect(await faults()).toEqual([])
    await tabTo('Undo')
    await press('Enter')
    await see('1 operator set back.')
    expect(statusOf(3)).toBe(0)
  })

  it('finds in the activity what a person did, by a part of the name', async () => {
    await press('/')
    await page.keyboard.type('ole')
    await keyboardOf(page).seeNoMore("Siobhán O'Neil: Active → Inactive")
    await see('Import · 250 rows')
    await page.keyboard.type('x')
    await see('Nothing matches')
    await enter('Clear the filter')
    await see("Siobhán O'Neil: Active → Inactive")
  })

  it('shows another organization on the same screen', async () => {
    await page.goto(`${gateway.url}/console/#/6/operators`)
    await enter('Organization: Sales')
    await choose('Back Office')
    await see('Anna Müller')
    expect(page.url()).toContain('#/42/operators')
  })

  it('stays useful while ChatHub is down, and says so', async () => {
    await page.goto(`${gateway.url}/console/#/6/operators`)
    await see('José Núñez')
    gateway.simulator.fault({ mode: 'status', status: 503 })
    gateway.jump(300_000)
    await see('ChatHub is not answering')
    await see('José Núñez')
    expect(await faults()).toEqual([])
    gateway.simulator.clearFaults()
    gateway.jump(60_000)
    await page.getByText('ChatHub is not answering').waitFor({ state: 'detached' })
  })

  it('stays useful while Redis is away, and refuses changes', async () => {
    await page.goto(`${gateway.url}/console/#/6/operators`)
    await see('José Núñez')
    redis.pause()
    await see('Redis is not answering')
    await see('José Núñez')
    expect(await faults()).toEqual([])
    await tabTo("Siobhán O'Neil takes chats")
    await press('Space')
    await see("Siobhán O'Neil: Redis is not answering")
    redis.resume()
    await page.getByText('Redis is not answering').first().waitFor({ state: 'detached' })
  })

  it('keeps the page below a dialog when the session ends', async () => {
    await page.goto(`${gateway.url}/console/#/24/import`)
    await tabTo('Or paste names')
    await page.keyboard.insertText('Half a list')
    await page.context().clearCookies()
    await page.getByRole('dialog', { name: 'Your session has ended' }).waitFor()
    expect(await faults()).toEqual([])
    await tabTo('Sign-in link')
    await page.keyboard.insertText(await linkFor(gateway))
    await press('Enter')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    expect(await page.getByLabel('Or paste names').inputValue()).toBe('Half a list')
  })

  it('has received no token, password or key in any answer or store', async () => {
    expect(await people.secretsSeen({})).toEqual([])
    expect(await faults()).toEqual([])
  })
})
