import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import type { Browser, Page } from 'playwright-core'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { describeWithChromium } from '../support/needs.ts'
import { launch } from './launch.ts'

const built = fileURLToPath(new URL('../../dist/client/', import.meta.url))
/** A page, and the modules of the built client. */
const pages = createServer((req, res) => {
  const name = /^\/([\w-]+\.js)$/.exec(req.url as string)?.[1]
  res.setHeader('Content-Type', name ? 'text/javascript' : 'text/html')
  res.end(name ? readFileSync(join(built, name)) : '<!doctype html><title>page</title>')
})

describeWithChromium('the client in a browser', (provided) => {
  let browser: Browser
  let gateway: TestGateway
  let page: Page
  beforeAll(async () => {
    await once(pages.listen(0, '127.0.0.1'), 'listening')
    const origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`
    gateway = await startGateway({
      env: { CORS_ORIGINS: origin, SESSION_SECRET: 'a secret that only this suite has, 32 bytes' },
    })
    browser = await launch(provided)
    page = await browser.newPage()
    await page.goto(origin)
  })
  afterAll(async () => {
    await browser.close()
    pages.close()
    await gateway.close()
  })

  /** Runs in the page, which has nothing of Node. */
  const run = (program: string): Promise<unknown> =>
    page.evaluate(`(async () => {
      const { createClient, GatewayError } = await import('/client.js')
      const gateway = createClient({ baseUrl: '${gateway.url}', key: '${gateway.key}' })
      ${program}
    })()`)

  it('lists, pages and says what the headers of an answer say', async () => {
    const seen = await run(`
      const names = []
      for await (const { name } of gateway.operators.list(24, { limit: 2, sort: ['id'] })) names.push(name)
      const { age, requestId } = await gateway.operators.list(24).withResponse()
      return { names, age, id: requestId.length > 8 }`)
    expect(seen).toEqual({
      names: ['John Smith', 'Sarah Johnson', 'Mike Wilson'],
      age: expect.any(Number),
      id: true,
    })
  })

  it('signs in with a ticket as the guide shows, and needs no key', async () => {
    const guide = readFileSync(fileURLToPath(new URL('../../docs/guides/client.md', import.meta.url)), 'utf8')
    const block = /^```js no-run in a page\n(.*?)^```/ms.exec(guide)?.[1] as string
    const asked = { origin: new URL(page.url()).origin, scopes: ['operators:read'], organizations: [24] }
    const { ticket } = (await gateway.ask('POST', '/v1/sessions', { body: asked })).body
    const seen = await page.evaluate(`(async (ticket, baseUrl) => {
      ${block.replace(/^import (.*) from .*$/m, "const $1 = await import('/client.js')")}
      const { name } = await gateway.operators.update(24, 101, { status: 'inactive' }).catch((error) => error)
      await gateway.sessions.end()
      return [total, name, document.cookie, (await gateway.gateway.me().catch((error) => error)).code]
    })('${ticket}', '${gateway.url}')`)
    expect(seen).toEqual([3, 'PermissionError', '', 'credential.missing'])
  })

  it('imports a file and follows it to its end', async () => {
    const seen = await run(`
      const states = []
      const started = await gateway.operators.import(24, new Blob(['name\\nEmma Davis\\n'], { type: 'text/csv' }))
      const { state, created } = await gateway.operations.wait(started, { onProgress: (one) => states.push(one.state) })
      return { state, created, last: states.at(-1) }`)
    expect(seen).toEqual({ state: 'done', created: 1, last: 'done' })
  })

  it('streams what changes, and is told errors with their request id', async () => {
    const seen = await run(`
      const stop = new AbortController()
      const types = ['operator.statusChanged']
      const changes = gateway.events.subscribe({ types }, { signal: stop.signal })
      const first = changes.next()
      let heard = false
      first.then(() => { heard = true })
      for (let n = 0; !heard; n++)
        await gateway.operators.update(24, 103, { status: n % 2 ? 'inactive' : 'active' })
      stop.abort()
      const error = await gateway.operators.list(77777).catch((failed) => failed)
      return [(await first).value.operator.id, error instanceof GatewayError, error.code, error.requestId.length > 8]`)
    expect(seen).toEqual([103, true, 'organization.unknown', true])
  })
})
