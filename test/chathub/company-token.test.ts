import { afterEach, describe, expect, it } from '@jest/globals'
import type { SimulatorOptions, TokenShape } from '../../src/apps/simulator/simulator.ts'
import { createCompanyToken } from '../../src/chathub/company-token.ts'
import type { Call, Reply } from '../../src/chathub/exchange.ts'
import type { Credentials } from '../../src/chathub/login.ts'
import type { Token } from '../../src/chathub/sealed-token.ts'
import { createSharedLogin } from '../../src/chathub/shared-login.ts'
import type { Clock } from '../../src/clock.ts'
import type { Redis } from '../../src/redis/redis.ts'
import type { Report } from '../../src/report.ts'
import { Secret } from '../../src/secret.ts'
import { createClock, settle } from '../support/clock.ts'
import { createPacedClock } from '../support/paced-clock.ts'
import { until } from '../support/until.ts'
import { atSimulator, failureOf, companyToken as simulatorToken } from './at-simulator.ts'

let close = async (): Promise<void> => {}
afterEach(() => close())

const account = { token: undefined, login: 'demo', password: new Secret('demo-password') }
const tokenOnly = (token: string) => ({ token: new Secret(token), login: undefined, password: undefined })

const start = async (credentials: Credentials, clock: Clock, options: SimulatorOptions = {}) => {
  const at = await atSimulator({ simulator: options })
  close = at.close
  const reports: Report[] = []
  const companyToken = createCompanyToken({ credentials, clock, report: (told) => reports.push(told) })
  const exchange = companyToken.withToken(at.exchange)
  const context = { lane: 'people', client: 'crm', deadline: clock.now() + 60_000 } as const
  const { token: _none, ...call } = at.read({ context })
  return {
    ...at,
    companyToken,
    reports,
    ask: () => exchange(call),
    routes: () => at.simulator.arrivals().map(({ route, status }) => `${route} ${status}`),
    logins: () => at.simulator.arrivals().filter(({ route }) => route === 'login'),
  }
}
/** A clock on which a login may be sent at once. */
const handClock = async () => {
  const clock = createClock()
  await clock.advance(10_000)
  return clock
}

describe('a turn to log in', () => {
  it('that does not come before the deadline refuses the login, and nothing is sent', async () => {
    const clock = createClock()
    const script = () => async () => [15_000, null]
    const redis = { opened: Promise.resolve(), script } as unknown as Redis
    const { logIn } = createSharedLogin({ redis, clock, secret: undefined, bound: 'demo' })
    let sent = 0
    const send = async (): Promise<Token> => {
      sent++
      throw new Error('sent')
    }
    const waiting = failureOf(logIn(() => true, send, clock.now() + 1000))
    await clock.advance(1000)
    expect([await waiting, sent]).toEqual([expect.objectContaining({ code: 'queue.full' }), 0])
  })
})

describe('the company token', () => {
  it.each<TokenShape>(['string', 'text', 'object'])(
    'is obtained by a login that returns it as %s',
    async (tokenShape) => {
      const { ask, routes, simulator, companyToken } = await start(account, await handClock(), { tokenShape })
      expect((await ask()).status).toBe(200)
      expect((await ask()).status).toBe(200)
      expect(routes()).toEqual(['login 200', 'list 200', 'list 200'])
      expect(companyToken.status()).toEqual({ state: 'ready', source: 'login', ageSeconds: 0, detail: null })
      expect(JSON.stringify(companyToken.status())).not.toContain(simulator.issuedTokens()[0])
    },
  )

  it('is renewed by one login for fifty calls with a dead token, and each call is repeated once', async () => {
    const clock = await handClock()
    const { ask, routes, simulator } = await start(account, clock)
    await ask()
    simulator.revokeToken()
    simulator.clearArrivals()
    await clock.advance(2000)
    const answers = await Promise.all(Array.from({ length: 50 }, ask))
    expect(answers.every(({ status }) => status === 200)).toBe(true)
    const count = (what: string) => routes().filter((route) => route === what).length
    expect([count('list 401'), count('login 200'), count('list 200')]).toEqual([50, 1, 50])
    expect(routes()).toHaveLength(101)
  })

  it('is obtained by one login for fifty calls that come before there is a token', async () => {
    const { ask, logins, routes } = await start(account, await handClock())
    await Promise.all(Array.from({ length: 50 }, ask))
    expect(logins()).toHaveLength(1)
    expect(routes()).toHaveLength(51)
  })

  it('is waited for by each call until its own deadline, however long the login takes', async () => {
    const clock = await handClock()
    let logInNow = (_: Reply): void => {}
    const companyToken = createCompanyToken({ credentials: account, clock, report: () => {} })
    const replyOf = (text: string): Reply => ({ status: 200, body: Buffer.from(text), sentAt: clock.now() })
    const exchange = companyToken.withToken(async ({ operation }) =>
      operation === 'login' ? new Promise((resolve) => (logInNow = resolve)) : replyOf('[]'),
    )
    const call = { operation: 'operators', method: 'GET', path: '/', write: false } as const
    const ask = (ms: number) => {
      const context = { lane: 'refreshes', client: 'crm', deadline: clock.now() + ms } as const
      return exchange({ ...call, context } satisfies Call)
    }
    const background = ask(600_000)
    const reader = failureOf(ask(5000))
    await clock.advance(5000)
    expect(await reader).toMatchObject({ code: 'queue.full', retryAfterMs: 1000 })
    logInNow(replyOf('"ct_token-of-a-login"'))
    expect((await background).status).toBe(200)
    expect((await ask(5000)).status).toBe(200)
  })

  it('is the configured one first, and comes from a login when ChatHub refuses that', async () => {
    const good = await start({ ...account, token: new Secret(simulatorToken) }, await handClock())
    await good.ask()
    expect(good.routes()).toEqual(['list 200'])
    expect(good.companyToken.status().source).toBe('token')
    await close()
    const dead = await start({ ...account, token: new Secret('ct_dead-token') }, await handClock())
    expect((await dead.ask()).status).toBe(200)
    expect((await dead.ask()).status).toBe(200)
    expect(dead.routes()).toEqual(['list 401', 'login 200', 'list 200', 'list 200'])
    expect(dead.companyToken.status().source).toBe('login')
  })

  it('is asked for less and less often when ChatHub refuses the login, and calls fail at once meanwhile', async () => {
    const clock = await handClock()
    const wrong = { ...account, password: new Secret('wrong-password') }
    const { ask, logins, reports, companyToken } = await start(wrong, clock)
    const delays: number[] = []
    for (let attempt = 1; attempt <= 9; attempt++) {
      const failing = failureOf(ask())
      await settle()
      if (attempt === 2) await clock.advance(50) // logins are at least 1,050 ms apart
      const failure = await failing
      expect(failure).toMatchObject({ code: 'chathub.credentials' })
      expect(logins()).toHaveLength(attempt)
      delays.push(failure.retryAfterMs as number)
      const again = await Promise.all([failureOf(ask()), failureOf(ask())])
      expect(again.map(({ retryAfterMs }) => retryAfterMs)).toEqual([delays.at(-1), delays.at(-1)])
      expect(logins()).toHaveLength(attempt)
      await clock.advance(delays.at(-1) as number)
    }
    expect(delays).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000])
    expect(reports.filter(({ name }) => name === 'token-refused')).toHaveLength(9)
    expect(companyToken.status()).toMatchObject({ state: 'refused', source: 'login' })
  })

  it('is tried again within four seconds after a refusal if there is no login', async () => {
    const clock = await handClock()
    const { ask, routes, simulator } = await start(tokenOnly('ct_not-yet-known'), clock)
    const delays: unknown[] = []
    for (let i = 0; i < 4; i++) {
      const { code, retryAfterMs } = await failureOf(ask())
      expect(code).toBe('chathub.credentials')
      delays.push(retryAfterMs)
      await clock.advance(retryAfterMs as number)
    }
    expect(delays).toEqual([1000, 2000, 4000, 4000])
    simulator.acceptToken('ct_not-yet-known')
    expect((await ask()).status).toBe(200)
    expect(routes()).toEqual([...Array(4).fill('list 401'), 'list 200'])
  })

  it('is refused once when fifty calls are refused together', async () => {
    const { ask, reports } = await start(tokenOnly('ct_not-yet-known'), await handClock())
    const failures = await Promise.all(Array.from({ length: 50 }, () => failureOf(ask())))
    expect(failures.every(({ code }) => code === 'chathub.credentials')).toBe(true)
    expect(reports).toEqual([{ name: 'token-refused', source: 'token', retryInMs: 1000 }])
  })

  it('is replaced from the next call on, also after a refusal', async () => {
    const { ask, simulator, companyToken } = await start(tokenOnly('ct_first-token'), await handClock())
    simulator.acceptToken('ct_first-token')
    await ask()
    simulator.revokeToken()
    await failureOf(ask())
    expect(companyToken.status()).toMatchObject({ state: 'refused', source: 'token', ageSeconds: null })
    simulator.acceptToken('ct_second-token')
    companyToken.replace({ token: new Secret('ct_second-token') })
    expect(companyToken.status().state).toBe('unproven')
    expect((await ask()).status).toBe(200)
    expect(companyToken.status().state).toBe('ready')
  })

  it('is asked for at once with a new password, although the old one had to wait', async () => {
    const clock = await handClock()
    const { ask, companyToken } = await start({ ...account, password: new Secret('wrong-password') }, clock)
    await failureOf(ask())
    await clock.advance(1100)
    await failureOf(ask())
    companyToken.replace({ password: new Secret('demo-password') })
    const answer = ask()
    await clock.advance(1100)
    expect((await answer).status).toBe(200)
  })

  it('that is replaced during a login serves the calls that wait for this login', async () => {
    const clock = await handClock()
    const { ask, simulator, companyToken } = await start({ ...account, password: new Secret('wrong') }, clock)
    const held = simulator.hold('login')
    const waiting = [ask(), ask()]
    await held.arrived
    companyToken.replace({ password: new Secret('demo-password') })
    held.release()
    await until(() => clock.pending() > 0)
    await clock.advance(1100)
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200])
  })

  it('is not counted as refused when the login fails for another reason', async () => {
    const clock = await handClock()
    const { ask, simulator, companyToken, reports } = await start(account, clock)
    simulator.fault({ route: 'login', mode: 'status', status: 500, times: 1 })
    expect(await failureOf(ask())).toMatchObject({ code: 'chathub.unavailable' })
    expect(companyToken.status().state).toBe('none')
    expect(reports).toEqual([{ name: 'login', result: 'failed' }])
    await clock.advance(1100)
    expect((await ask()).status).toBe(200)
  })

  it('is renewed a minute before it expires, so that no call has a dead one', async () => {
    const clock = await handClock()
    const options = { tokenShape: 'object', companyTokenMs: 600_000, now: clock.wall } as const
    const { ask, routes } = await start(account, clock, options)
    await ask()
    await clock.advance(539_000)
    await ask()
    await clock.advance(2000)
    await ask()
    expect(routes()).toEqual(['login 200', 'list 200', 'list 200', 'login 200', 'list 200'])
  })

  it('comes from a login that is repeated when ChatHub throttles it, after the time that ChatHub asks for', async () => {
    const clock = await handClock()
    const { ask, routes, simulator, reports } = await start(account, clock)
    const headers = { 'Retry-After': '3' }
    simulator.fault({ route: 'login', mode: 'status', status: 429, headers, times: 1 })
    const answer = ask()
    await until(() => reports.length === 1)
    expect(reports).toEqual([{ name: 'login', result: 'throttled', retryInMs: 3000 }])
    await clock.advance(2999)
    expect(routes()).toEqual(['login 429'])
    await clock.advance(1)
    expect((await answer).status).toBe(200)
    expect(routes()).toEqual(['login 429', 'login 200', 'list 200'])
  })

  it('is not renewed after a failure that is not about credentials', async () => {
    const { ask, routes, simulator } = await start(account, await handClock())
    simulator.fault({ route: 'list', mode: 'status', status: 403, times: 1 })
    expect(await failureOf(ask())).toMatchObject({ code: 'chathub.forbidden' })
    simulator.fault({ route: 'list', mode: 'status', status: 500, times: 1 })
    expect(await failureOf(ask())).toMatchObject({ code: 'chathub.unavailable' })
    expect(routes()).toEqual(['login 200', 'list 403', 'list 500'])
  })

  it('is not renewed again for a call when ChatHub refuses the new one too', async () => {
    const clock = await handClock()
    const { ask, routes, simulator, companyToken } = await start(account, clock)
    simulator.fault({ route: 'list', mode: 'status', status: 401 })
    const failure = failureOf(ask())
    await until(() => clock.pending() === 1) // the second login waits for its spacing
    await clock.advance(1050)
    expect(await failure).toMatchObject({ code: 'chathub.credentials' })
    expect(companyToken.status().state).toBe('refused')
    await clock.advance(500)
    expect(await failureOf(ask())).toMatchObject({
      code: 'chathub.credentials',
      retryAfterMs: expect.any(Number),
    })
    expect(routes()).toEqual(['login 200', 'list 401', 'login 200', 'list 401'])
  })

  it('comes from logins that arrive at ChatHub at least a second apart', async () => {
    const clock = createPacedClock({ speed: 10 })
    const options = { loginSpacingMs: 1000, monotonic: clock.now }
    const { ask, logins, simulator } = await start(account, clock, options)
    for (let i = 0; i < 3; i++) {
      await Promise.all([ask(), ask(), ask()])
      simulator.revokeToken()
    }
    expect(logins().map(({ status }) => status)).toEqual([200, 200, 200])
    const [first, second, third] = logins().map(({ at }) => at) as [number, number, number]
    expect(second - first).toBeGreaterThanOrEqual(1000)
    expect(third - second).toBeGreaterThanOrEqual(1000)
    clock.stop()
  })
})
