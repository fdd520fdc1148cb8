import { once } from 'node:events'
import { createServer, request } from 'node:http'
import { afterAll, expect, it } from '@jest/globals'
import { freePort } from './support/free-port.ts'
import { spawnReady, stopEverything } from './support/processes.ts'

afterAll(stopEverything)

it('the example front end ends its request to the gateway when the browser disconnects', async () => {
  const gateway = createServer((_req, res) => void res.writeHead(200).write(': an event stream\n\n'))
  await once(gateway.listen(0, '127.0.0.1'), 'listening')
  const { port } = gateway.address() as { port: number }
  const front = await spawnReady(process.execPath, ['examples/front-end/server.mjs'], {
    GATEWAY_URL: `http://127.0.0.1:${port}`,
    GATEWAY_KEY: 'k'.repeat(32),
    PORT: String(await freePort()),
  })
  const received = once(gateway, 'request')
  const browser = request(`${front.url}/v1/events`).end()
  const [, answer] = await received
  await once(browser, 'response')
  browser.destroy()
  await once(answer, 'close')
  expect(answer.writableFinished).toBe(false)
  gateway.close()
})
