import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { OAuth2Server } from 'oauth2-mock-server'
import type { Page } from 'playwright-core'
import { scopes } from '../../src/contract/scopes.ts'
import type { TestGateway } from '../support/gateway.ts'
import { describeWithChromium } from '../support/needs.ts'
import { until } from '../support/until.ts'
import { findByPolling } from './find-by-polling.ts'
import { hold, holdAnswer } from './hold.ts'
import { keyboardOf } from './keyboard.ts'
import { passTime } from './pass-time.ts'
import { openWorld, type People, type World } from './people.ts'

const clientSecret = 'client-secret-that-only-this-suite-has'
/** A supervisor whose session may ask 20 times a minute. */
const slow = { id: 'slow', scopes, requestsPerMinute: 20 }

describeWithChromium('the console, with something in the way', (chromium) => {
  const provider = new OAuth2Server()
  /** Leads to the provider, and ends each connection until that has started. So the port is ours all the time. */
  const front = createServer((socket) => {
    if (!provider.listening) return void socket.destroy()
    const behind = connect(provider.address().port, '127.0.0.1')
    for (const either of [socket, behind])
      either.on('error', () => {
        socket.destroy()
        behind.destroy()
      })
    socket.pipe(behind).pipe(socket)
  })
  let world: World
  let gateway: TestGateway
  let people: People
  /** Of Olena, who is signed in by a link. */
  let page: Page
  /** Of Ivan, whom the identity provider knows. */
  let ivan: Page
  const statusOf = (id: number) => gateway.simulator.operators().find((each) => each.id === id)?.status

  beforeAll(async () => {
    front.listen(0, '127.0.0.1')
    await once(front, 'listening')
    provider.issuer.url = `http://localhost:${(front.address() as AddressInfo).port}`
    await provider.issuer.keys.generate('RS256')
    world = await openWorld(
      chromium,
      {
        OIDC_ISSUER: provider.issuer.url,
        OIDC_CLIENT_ID: 'gateway',
        OIDC_CLIENT_SECRET: clientSecret,
        OIDC_ROLES: JSON.stringify({ supervisors: { scopes, organizations: '*' } }),
      },
      [slow],
    )
    ;({ gateway, people } = world)
    page = await people.add()
    await people.signIn(page)
  })
  afterAll(async () => {
    await world?.close()
    if (provider.listening) await provider.stop()
    front.close()
  })

  it('says in words why the identity provider signed nobody in, and signs in when it does', async () => {
    ivan = await people.add()
    const { see, enter, isGiven } = keyboardOf(ivan)
    let groups: string[] = []
    provider.service.on('beforeTokenSigning', ({ payload }) =>
      Object.assign(payload, { sub: '42', aud: 'gateway', email: 'ivan@example.com', groups }),
    )
    /** Changes what the provider sends back with the browser, once. */
    const answer = (change: (query: URLSearchParams) => void) =>
      provider.service.once('beforeAuthorizeRedirect', ({ url }) => change(url.searchParams))
    const tries = async (text: string): Promise<void> => {
      await isGiven(/^Sign-in link/)
      await enter('Sign in with your account')
      await see(text)
      expect([text, await people.faults(ivan)]).toEqual([text, []])
    }
    await people.go(ivan, '/')
    await tries('The identity provider is not answering')
    await provider.start(0, '127.0.0.1')
    answer((query) => {
      query.delete('code')
      query.set('error', 'access_denied')
    })
    await tries('Signing in was stopped at the identity provider')
    answer((query) => query.set('state', 'another'))
    await tries('The identity provider did not sign you in')
    await tries('none of your groups has a role here')
    groups = ['supervisors']
    await tries('Nobody is active')
  })

  it('signs out at the identity provider too', async () => {
    const { choose, see, enter } = keyboardOf(ivan)
    const left = ivan.waitForRequest(/\/endsession\?/)
    await enter('Your session')
    await ivan.getByRole('menuitem', { name: 'Sign out' }).waitFor()
    await see('ivan@example.com')
    await choose('Sign out')
    const { searchParams } = new URL((await left).url())
    expect([searchParams.get('client_id'), searchParams.get('post_logout_redirect_uri')]).toEqual([
      'gateway',
      `${gateway.url}/console/`,
    ])
    await see('Open a sign-in link')
    expect(ivan.url()).toBe(`${gateway.url}/console/`)
  })

  it('counts down while it asks too often, and goes on by itself', async () => {
    const person = await people.add()
    await people.signIn(person, { key: gateway.keys['slow'] })
    // A large body costs more than the client has, so the count begins far from its end.
    await person.evaluate(`(async () => {
      const headers = { 'X-Gateway-Session': '1', 'Content-Type': 'application/json' }
      const ask = () => fetch('/v1/organizations/24/imports', { method: 'POST', headers, body: ' '.repeat(3_000_000) })
      while ((await ask()).status !== 429);
    })()`)
    const { press, see, seeNoMore } = keyboardOf(person)
    await press('g', 'o')
    await see('Too many requests')
    const secondsLeft = async () =>
      Number(/Again in (\d+) second/.exec(await person.evaluate('document.body.innerText'))?.[1])
    const first = await secondsLeft()
    await until(async () => (await secondsLeft()) < first, 'it counts down')
    gateway.jump(120_000)
    await passTime(person, 10_000, () => person.getByText('Alex Brown 103').first().isVisible())
    await seeNoMore('Too many requests')
  })

  it('reads every 15 seconds while no events come, and says so', async () => {
    const { see } = keyboardOf(page)
    const isStream = { accept: 'text/event-stream' }
    await page.route('**/v1/events', (route) =>
      route.request().headers()['accept'] === isStream.accept ? route.abort() : route.fallback(),
    )
    await page.reload()
    await people.go(page, '/6/operators')
    await see('Live updates are interrupted')
    await see('Lists are read again every 15 seconds')
    await see('Siobhán O')
    expect(await people.faults(page)).toEqual([])
    await findByPolling(page, gateway)
  })

  it('reads every 15 seconds again when the events end while a list is shown', async () => {
    const { see } = keyboardOf(page)
    await people.go(page, '/6/operators')
    await see('José Núñez')
    await see('All well')
    await page.route('**/v1/events', (route) => route.abort())
    gateway.gateway.server.closeAllConnections()
    await see('Live updates are interrupted')
    await findByPolling(page, gateway)
  })

  it('shows a change that came while the first answer of a list was on its way', async () => {
    const list = await holdAnswer(page, '/24/operators?')
    await people.go(page, '/24/operators')
    await until(() => list.isHeld(), 'the gateway has answered')
    const shown = await gateway.ask(
      'GET',
      '/v1/organizations/24/operators?status=active&sort=name,id&limit=1',
    )
    const [{ id, name }] = shown.body.items
    // The counts are read again because of the event, and the list with them.
    const counted = page.waitForResponse('**/v1/organizations/24/statistics*')
    await gateway.ask('PATCH', `/v1/organizations/24/operators/${id}`, { body: { status: 'inactive' } })
    await counted
    await list.release()
    await page.getByRole('row', { name: new RegExp(`${name} Inactive`) }).waitFor()
  })

  it('overwrites nothing that another supervisor has changed meanwhile', async () => {
    const colleague = await people.add()
    await people.signIn(colleague, { subject: 'Taras' })
    await people.go(colleague, '/6/operators')
    // Another status than the colleague sets: the same one would be made already.
    await people.go(page, '/6/operators?open=3')
    const change = await hold(page, '**/v1/organizations/6/operators/3', 'PATCH')
    const sent = page.waitForRequest((request) => request.method() === 'PATCH')
    await keyboardOf(page).tabTo('Delete')
    await page.keyboard.press('Enter')
    await sent
    const { tabTo, press, see } = keyboardOf(colleague)
    await tabTo("Siobhán O'Neil takes chats")
    await press('Space')
    await see("Siobhán O'Neil is inactive.")
    await change.release()
    await keyboardOf(page).see(
      "Siobhán O'Neil was changed by somebody else and is now: Inactive. Nothing was overwritten.",
    )
    await page.keyboard.press('Escape')
    await page.getByRole('row', { name: /Siobhán O'Neil Inactive .*Taras/ }).waitFor()
    // Before the check by axe, which may take longer than the undo is offered.
    await press('u')
    await see("Siobhán O'Neil is active.")
    expect(statusOf(3)).toBe(0)
    expect(await people.faults(page)).toEqual([])
  })

  it('has a skeleton, an error with the id of its request, and words for offline', async () => {
    const { see, seeNoMore } = keyboardOf(page)
    const list = await hold(page, '**/organizations/42/operators?*')
    await people.go(page, '/42/operators')
    await page.getByText('Loading').first().waitFor({ state: 'attached' })
    expect(await people.faults(page)).toEqual([])
    await list.release()
    await see('Łukasz Żółć')

    gateway.simulator.fault({ mode: 'status', status: 503 })
    await gateway.ask('POST', '/v1/cache:purge', { body: { organization: 50 } })
    await people.go(page, '/50/operators')
    await see('Copy the id')
    await see('Lists that were read before are still shown')
    expect(await people.faults(page)).toEqual([])
    gateway.simulator.clearFaults()
    gateway.jump(60_000)

    await page.context().setOffline(true)
    await see('This device is offline')
    expect(await people.faults(page)).toEqual([])
    await page.context().setOffline(false)
    await seeNoMore('This device is offline')
  })

  it('takes no letters as keys of the page while the palette is loaded', async () => {
    const { press, see } = keyboardOf(page)
    await people.go(page, '/')
    const palette = await hold(page, '**/assets/palette-*.js')
    await page.reload()
    await see('Need somebody')
    await press('Control+k', 'g', 'a')
    await palette.release()
    await page.getByRole('dialog').waitFor()
    expect(page.url()).toBe(`${gateway.url}/console/#/`)
    await press('Escape')
  })

  it('says of an address without a screen that there is none', async () => {
    const { see } = keyboardOf(page)
    for (const path of ['/nowhere', '/6/operators/3', '/sales/import', 'toString']) {
      await people.go(page, '/')
      await see('Need somebody')
      await people.go(page, path)
      await see('There is no such page')
    }
    expect(await people.faults(page)).toEqual([])
    await page.getByRole('main').getByRole('link').click()
    await see('Need somebody')
    // A slash at its end makes no other address.
    await people.go(page, '/6/operators/')
    await see('José Núñez')
  })

  it('switches the language', async () => {
    const { choose, enter, see } = keyboardOf(page)
    await people.go(page, '/activity')
    await see('Who changed what')
    await enter('Language')
    await page.getByRole('menu', { name: 'Language' }).waitFor()
    expect(await people.faults(page)).toEqual([])
    await choose('Українська')
    await see('Хто, що і коли змінив.')
    expect(await page.evaluate('document.documentElement.lang')).toBe('uk')
    expect(await people.faults(page)).toEqual([])
    // The keys G and B, as a Ukrainian keyboard sends them.
    for (const [key, code] of [
      ['п', 'KeyG'],
      ['и', 'KeyB'],
    ])
      await page.evaluate(`dispatchEvent(new KeyboardEvent('keydown', { key: '${key}', code: '${code}' }))`)
    await see('Бракує людей')
    expect(await page.title()).toBe('Огляд · ChatHub')
    await enter('Мова')
    await choose('Français')
    await see('En manque')
    expect(await people.faults(page)).toEqual([])
    await enter('Langue')
    await choose('English')
    await see('Need somebody')
  })

  it('names the scope that is missing, and hides what may not be done', async () => {
    const guest = await people.add()
    await people.signIn(guest, { scopes: ['organizations:read', 'operators:read'], subject: 'Guest' })
    await people.go(guest, '/upstream')
    await keyboardOf(guest).see('You may not see this')
    await keyboardOf(guest).see('admin')
    expect(await people.faults(guest)).toEqual([])
    await people.go(guest, '/6/operators')
    await keyboardOf(guest).see('José Núñez')
    expect(await guest.getByRole('switch').count()).toBe(0)
    expect(await people.faults(guest)).toEqual([])
  })

  it('has received no company token, key or secret in any answer or store', async () => {
    expect(await people.secretsSeen({ 'client secret': clientSecret })).toEqual([])
  })
})
