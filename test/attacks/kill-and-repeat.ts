import { setTimeout as sleep } from 'node:timers/promises'
// @ts-expect-error: the library of the benches has no types
import { keyHeader, startGateway, startSimulator } from '../bench/lib/gateway.mjs'
// @ts-expect-error: the library of the benches has no types
import { startRedis } from '../bench/peers/redis.mjs'

export const question =
  'An instance is killed in a write. What does the other one say to the same Idempotency-Key?'

const json = { ...keyHeader, 'Content-Type': 'application/json' }

export const run = async ({ dist }: { dist: string }) => {
  const redis = await startRedis()
  if (!redis) throw new Error('This attack needs redis-server.')
  const simulator = await startSimulator(['--organizations', 4, '--operators', 8])
  const organizations: { id: number }[] = await simulator.control('GET', 'organizations')
  const env = {
    REDIS_URL: `redis://127.0.0.1:${redis.port}`,
    REDIS_TIMEOUT_MS: '1000',
    WRITE_SETTLE_SECONDS: '1',
    CHATHUB_TIMEOUT_MS: '3000',
    CHATHUB_REQUESTS_PER_SECOND: '200',
  }
  const start = async () => {
    const gateway = await startGateway(simulator, { from: dist, env })
    while (!(await (await fetch(`${gateway.url}/readyz`)).text()).includes('"redis":"ready"')) await sleep(50)
    return gateway
  }
  const anna = { operators: [{ name: 'Anna' }], onDuplicate: 'allow' }
  /** Kills the first instance while ChatHub works for it, and repeats at the second until the final answer. */
  const attack = async (what: string, i: number, route: string, mode: string, path: string, body: object) => {
    const [first, second] = [await start(), await start()]
    const { id } = organizations[i] as { id: number }
    await simulator.control('POST', 'faults', { mode, ms: 60_000, route, organization: id, times: 1 })
    await simulator.control('DELETE', 'arrivals')
    const init = {
      method: 'POST',
      headers: { ...json, 'Idempotency-Key': `kill-${i}` },
      body: JSON.stringify(body),
    }
    const ask = (url: string) => fetch(`${url}/v1/organizations/${id}/operators${path}`, init)
    const lost = ask(first.url).catch(() => undefined)
    const arrived = async () =>
      (await simulator.control('GET', 'arrivals')).some(
        (one: { route: string; organization: number }) => one.route === route && one.organization === id,
      )
    while (!(await arrived())) await sleep(10)
    await first.stop()
    await lost
    const killedAt = performance.now()
    const passed = () => Math.round(performance.now() - killedAt)
    let [last409, accepted, status] = [0, 0, 0]
    while (status !== 200 && status !== 201) {
      status = (await ask(second.url)).status
      if (status === 409) last409 = passed()
      else accepted ||= passed()
      await sleep(100)
    }
    const final = passed()
    await second.stop()
    const rows: { name: string }[] = await simulator.control('GET', `operators?organizationId=${id}`)
    const added = rows.filter(({ name }) => name === 'Anna').length
    return [
      { figure: `${what}: ms of 409`, now: last409, aim: '≤ 5000' },
      { figure: `${what}: ms to an answer other than 409`, now: accepted, aim: '≤ 5000' },
      { figure: `${what}: ms to the real answer`, now: final, aim: '' },
      ...(path === ':setStatus' ? [] : [{ figure: `${what}: times added`, now: added, aim: 1 }]),
    ]
  }
  const some = await simulator.control('GET', `operators?organizationId=${organizations[1]?.id}`)
  const active: { id: number } = some.find((one: { status: number }) => one.status === 0)
  const status = { ids: [active.id], status: 'inactive' }
  const rows = [
    ...(await attack('add, applied', 0, 'synchronize', 'delay-answer', '', anna)),
    ...(await attack('setStatus, applied', 1, 'status', 'delay-answer', ':setStatus', status)),
    ...(await attack('add, not written down', 2, 'list', 'delay', '', anna)),
  ]
  await simulator.stop()
  await redis.stop()
  return rows
}
