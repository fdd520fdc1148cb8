import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import type { Page } from 'playwright-core'
import type { TestGateway } from '../support/gateway.ts'
import { describeWithChromium } from '../support/needs.ts'
import { until } from '../support/until.ts'
import { linkFor, misfits } from './console-world.ts'
import { hold } from './hold.ts'
import { keyboardOf } from './keyboard.ts'
import { passTime } from './pass-time.ts'
import { openWorld, type People, type World } from './people.ts'

describeWithChromium('the work of a supervisor, by keyboard', (chromium) => {
  let world: World
  let gateway: TestGateway
  let people: People
  let page: Page
  /** Tokens of operators, each shown once. */
  const shown: string[] = []

  beforeAll(async () => {
    world = await openWorld(chromium, { CHATHUB_TIMEOUT_MS: '60000', WRITE_SETTLE_SECONDS: '1' })
    ;({ gateway, people } = world)
    page = await people.add()
    await people.signIn(page)
  })
  afterAll(async () => {
    await world?.close()
  })

  /** By a link that is pasted into the dialog over the page. */
  const signInAgain = async (): Promise<void> => {
    const dialog = page.getByRole('dialog', { name: 'Your session has ended' })
    await passTime(page, 5000, () => dialog.isVisible())
    await keyboardOf(page).isGiven(/^Sign-in link/)
    await page.keyboard.insertText(await linkFor(gateway))
    await page.keyboard.press('Enter')
    await dialog.waitFor({ state: 'detached' })
  }

  it('sorts, pages, makes rows dense, and names its keys', async () => {
    const { see, tabTo, press, enter } = keyboardOf(page)
    await people.go(page, '/24/operators')
    await see('115 of 120 operators')
    await enter(/^Id/)
    // It is on the first page by id alone.
    await see('Zoë Müller 4')
    await enter('Next')
    await see('Page 2')
    expect(page.url()).toContain('sort=id')
    await tabTo('Dense rows')
    await press('Enter')
    await page.locator('[data-density="dense"]').waitFor()
    await press('Enter', '?')
    await see('Undo the last change')
    expect(await people.faults(page)).toEqual([])
    await press('Escape')
  })

  it('adds one, then many with tokens that are shown once', async () => {
    const { see, enter, tabTo, press, type, isGiven } = keyboardOf(page)
    await people.go(page, '/51/operators')
    await enter('Add operators')
    await tabTo('Names')
    await type('Solo Person')
    await enter('Add')
    await see('1 operator added')
    await enter('Done')
    await see('1 of 1 operators')
    await enter('Add operators')
    await tabTo('Names')
    await type('Vera Holm\nIvo Lang\nsolo person\n')
    await see('3 names')
    await tabTo(/^Issue a token for each/)
    await press('Space')
    await enter('Add')
    await see('The tokens are shown only now.')
    await see('Exists already')
    expect(await people.faults(page)).toEqual([])
    await page.setViewportSize({ width: 320, height: 700 })
    await until(async () => (await misfits(page)).length === 0, 'the tokens fit into a narrow window')
    await page.setViewportSize({ width: 1200, height: 800 })
    shown.push(
      ...(await page
        .locator('.copy code')
        .evaluateAll((all) => all.map(({ textContent }) => `${textContent}`))),
    )
    expect([shown.length, new Set(shown).size]).toEqual([3, 3])
    await enter('Done')
    await isGiven('Add operators')
    await page.reload()
    await see('Vera Holm')
    const { text } = await gateway.ask('GET', '/v1/audit')
    const left =
      (await page.content()) +
      (await page.evaluate<string>('JSON.stringify([document.cookie, localStorage, sessionStorage])')) +
      text
    expect(shown.filter((token) => left.includes(token))).toEqual([])
    expect(gateway.simulator.operators(51).map(({ name }) => name)).toEqual([
      ...['Solo Person', 'Vera Holm', 'Ivo Lang'],
    ])
  })

  it('exports what the filter shows', async () => {
    const { see, tabTo, press } = keyboardOf(page)
    await people.go(page, '/24/operators?show=inactive&q=brown')
    await see('2 of 120 operators')
    await tabTo('Export')
    const [download] = await Promise.all([page.waitForEvent('download'), press('Enter')])
    expect(download.suggestedFilename()).toMatch(/^operators-24.*\.csv$/)
    const [head, ...rows] = readFileSync(await download.path(), 'utf8')
      .trim()
      .split(/\r?\n/)
    expect(head).toBe('id,name,status,statusSince,changedBy')
    expect(rows.map((row) => row.split(',').slice(1, 3))).toEqual([
      ['Alex Brown 117', 'inactive'],
      ['Alex Brown 54', 'inactive'],
    ])
  })

  it('gives the lines that place the widget for one operator', async () => {
    const { see, enter } = keyboardOf(page)
    await people.go(page, '/24/operators?open=1003')
    await enter('Place the chat widget in a page')
    await see('"operator":1003')
    await see(`src="${gateway.url}/widget/loader.js"`)
    expect(await people.faults(page)).toEqual([])
    // What is done beside the list is taken back there.
    await enter('Deactivate')
    await see('Zoë Müller 4 is inactive.')
    await page.keyboard.press('u')
    await see('Zoë Müller 4 is active.')
    await page.keyboard.press('Escape')
  })

  it('corrects rows of an import, also while the session ends', async () => {
    const { see, enter, tabTo, press, type, isGiven } = keyboardOf(page)
    await people.go(page, '/24/import')
    await tabTo('Or paste names')
    await type('name;team\n;a\nBell\u0007;b\nGood Person;c\n')
    await enter('Check the names')
    await see('1 of 3 rows is ready to import')
    const verdict = await hold(page, '**/organizations/24/imports?*', 'POST')
    await enter('Leave out line 2')
    await isGiven('Leave out line 3')
    // Until the next verdict is there, each row keeps the line that it has in the file.
    await page.locator('[data-busy]').waitFor()
    const lines = page.getByRole('button', { name: /^Leave out line/ })
    expect(await lines.evaluateAll((all) => all.map(({ ariaLabel }) => ariaLabel))).toEqual([
      ...['Leave out line 2', 'Leave out line 3', 'Leave out line 4'],
    ])
    await verdict.release()
    await see('1 of 2 rows is ready to import')
    await tabTo('Name in line 3')
    await press('Control+a')
    await type('Bell Person')
    const refused = await hold(page, '**/organizations/24/imports?*', 'POST')
    await press('Enter')
    await page.locator('[data-busy]').waitFor()
    await gateway.ask('DELETE', '/v1/sessions?subject=Olena')
    await refused.release()
    await signInAgain()
    await see('2 of 2 rows are ready to import')
    await page.getByRole('rowheader', { name: 'Bell Person' }).waitFor()
    await enter('Other file')
  })

  it('follows an import in two tabs, says for what it waits, and stops it', async () => {
    const { see, enter, tabTo, type } = keyboardOf(page)
    // ChatHub asks for fewer requests once. For some minutes the gateway sends fewer.
    gateway.simulator.fault({
      ...{ mode: 'status', status: 429, headers: { 'Retry-After': '1' } },
      ...{ route: 'list', times: 1 },
    })
    await gateway.ask('GET', '/v1/organizations/50/operators', { headers: { 'Cache-Control': 'no-cache' } })
    const before = gateway.simulator.operators(24).length
    const held = gateway.simulator.hold('synchronize', 24)
    await people.go(page, '/24/import')
    await tabTo('Or paste names')
    await type(Array.from({ length: 250 }, (_, at) => `Later Person ${at}`).join('\n'))
    await enter('Check the names')
    await enter('Import 250 rows')
    await held.arrived
    await see('You may leave this page. The import goes on.')
    const tab = await page.context().newPage()
    await tab.goto(page.url())
    await keyboardOf(tab).see('0 of 250')
    await page.reload()
    await see('0 of 250')
    const waiting = page.getByText('Waiting for the request budget: reduced by ChatHub').first()
    await passTime(page, 10_000, () => waiting.isVisible())
    expect(await people.faults(page)).toEqual([])
    await gateway.ask('DELETE', '/v1/sessions?subject=Olena')
    await signInAgain()
    await tab.reload()
    const stopped = page.waitForResponse(/:cancel$/)
    await enter('Stop the import')
    // Until the gateway knows it, an answer of ChatHub would lead to the next batch.
    await stopped
    held.release()
    await see('Import stopped')
    await keyboardOf(tab).see('Import stopped')
    await tab.close()
    expect(gateway.simulator.operators(24).length).toBe(before + 100)
    expect(await people.faults(page)).toEqual([])
  })

  it('retries what is in doubt', async () => {
    const { see, enter, tabTo, type } = keyboardOf(page)
    gateway.simulator.fault({ mode: 'status', status: 500, route: 'synchronize', times: 3 })
    await enter('Import another file')
    await tabTo('Or paste names')
    await type('Doubtful Person')
    await enter('Check the names')
    await enter('Import 1 row')
    await see('Import needs a look')
    await see('In doubt')
    expect(await people.faults(page)).toEqual([])
    await enter('Retry 1 in doubt')
    await see('Import done')
    expect(gateway.simulator.operators(24).filter(({ name }) => name === 'Doubtful Person').length).toBe(1)
  })

  it('charts the last minutes also for who opens the screen now, and purges after a question', async () => {
    const { see, enter } = keyboardOf(page)
    await people.go(page, '/upstream')
    await see('The last ten minutes')
    await enter('The same as a table')
    await page.getByRole('table').filter({ hasText: 'Allowed a second' }).locator('tbody tr').nth(1).waitFor()
    await enter('Purge a list')
    await see('Purge the list of an organization?')
    expect(await people.faults(page)).toEqual([])
    await enter(/^Purge (?!a list)/)
    await see('is read again.')
  })

  it('warns of nobody left only where active operators are among the chosen ones', async () => {
    const { see, tabTo, press, enter } = keyboardOf(page)
    for (let at = 0; at < 60; at++) gateway.simulator.addOperator(50, `Away ${at}`, 1)
    await gateway.ask('GET', '/v1/organizations/50/operators', { headers: { 'Cache-Control': 'no-cache' } })
    await people.go(page, '/50/operators?show=inactive')
    await see('60 of 61 operators')
    await tabTo('Select all on this page')
    await press('Space')
    await enter('Select all 60 that match')
    await tabTo('Select Away 0')
    await press('Space')
    await see('59 selected')
    await press('b')
    await enter('Delete')
    await see('Delete 59 operators?')
    expect(await page.getByText('Afterwards nobody is active here').count()).toBe(0)
    await press('Escape')
  })

  it('holds the wall board still', async () => {
    const { see, press } = keyboardOf(page)
    await people.go(page, '/wall')
    await see('Leave (Esc)')
    await press('p')
    await see('Paused')
    expect(await people.faults(page)).toEqual([])
    await press('p', 'Escape')
    await see('Need somebody')
  })

  it('shows no company token, key or secret, and each token of an operator once', async () => {
    await people.go(page, '/6/operators')
    await keyboardOf(page).see('José Núñez')
    expect(await people.secretsSeen({}, shown)).toEqual([])
  })
})
