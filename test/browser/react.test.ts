import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import type { Browser, Page } from 'playwright-core'
import { createClient } from '../../src/client/client.ts'
import { freePort } from '../support/free-port.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { describeWithReact } from '../support/needs.ts'
import { spawnReady, stopEverything } from '../support/processes.ts'
import { launch } from './launch.ts'

const example = fileURLToPath(new URL('../../examples/react/', import.meta.url))
describeWithReact('the React example', (provided) => {
  let gateway: TestGateway
  let browser: Browser
  let page: Page
  const faults: string[] = []
  beforeAll(async () => {
    execFileSync('npm', ['run', '--silent', 'build'], { cwd: example, stdio: 'ignore' })
    const scopes = ['operators:read', 'operators:write', 'events:read'] as const
    gateway = await startGateway({
      env: { SESSION_SECRET: 'a secret that only this suite has, 32 bytes', TRUST_PROXY: '127.0.0.1' },
      clients: [{ id: 'host', scopes: ['sessions:mint', ...scopes], organizations: [24] }],
    })
    const port = await freePort()
    const server = await spawnReady(process.execPath, [join(example, '../front-end/server.mjs')], {
      PORT: String(port),
      PAGE: '../react/public/',
      SCOPES: scopes.join(),
      GATEWAY_URL: gateway.url,
      GATEWAY_KEY: gateway.keys['host'] as string,
    })
    browser = await launch(provided)
    page = await browser.newPage()
    page.on('pageerror', ({ message }) => faults.push(message))
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()))
    await page.goto(server.url)
  })
  afterAll(async () => {
    await browser?.close()
    await gateway.close()
    await stopEverything()
  })

  const row = (name: string, status: string) =>
    page.locator('tr', { hasText: name }).getByText(status, { exact: true })
  const press = (name: string) => page.getByRole('button', { name }).click()
  const statusInChatHub = () => gateway.simulator.operators().find(({ id }) => id === 101)?.status

  it('shows what another client adds, without a reload', async () => {
    await row('John Smith', 'active').waitFor()
    const other = createClient({ baseUrl: gateway.url, key: gateway.key })
    await other.operators.add(24, { operators: [{ name: 'Alex Brown' }] })
    await row('Alex Brown', 'active').waitFor()
  })

  it('deactivates, and undoes it', async () => {
    await press('Deactivate John Smith')
    await page.getByText('John Smith is inactive.').waitFor()
    expect(statusInChatHub()).toBe(1)
    await press('Undo')
    await page.getByText('John Smith is active.').waitFor()
    await row('John Smith', 'active').waitFor()
    expect(statusInChatHub()).toBe(0)
  })

  it('has no error in its console, not one of its content security policy', () => {
    expect(faults).toEqual([])
  })
})
