import { setTimeout as sleep } from 'node:timers/promises'
// @ts-expect-error: the library of the benches has no types
import { keyHeader, startGateway, startSimulator } from '../bench/lib/gateway.mjs'

export const question =
  'ChatHub adds a name long after it failed the request. Is a name doubled without a mark?'

// What ChatHub, or a proxy before it, does with the request now. Each is applied later.
const endings: [name: string, fault: object][] = [
  ['500', { status: 500 }],
  ['503 with a page', { status: 503, body: '<html>Unavailable</html>' }],
  ['522 of a proxy', { status: 522 }],
  ['408', { status: 408 }],
  ['302', { status: 302 }],
  ['202', { status: 202 }],
  ['connection dropped', {}],
  ['no answer', { destroy: false }],
]
// The settling time is 1 s, an operation ends after about 6 s, and names are watched for 30 s.
const lateMs = [3000, 12_000]

type Operation = { state: string; detail: string | null }

export const run = async ({ dist }: { dist: string }) => {
  const cases = lateMs.flatMap((ms) =>
    endings.map(([name, fault]) => ({ name, fault: { ...fault, ms }, ms })),
  )
  const simulator = await startSimulator(['--organizations', cases.length, '--operators', 0])
  const gateway = await startGateway(simulator, {
    from: dist,
    env: {
      WRITE_SETTLE_SECONDS: '1',
      WRITE_LATE_WINDOW_SECONDS: '30',
      CHATHUB_TIMEOUT_MS: '1000',
      CHATHUB_REQUESTS_PER_SECOND: '200',
    },
  })
  const organizations: { id: number }[] = await simulator.control('GET', 'organizations')
  const headers = { ...keyHeader, 'Content-Type': 'application/json' }
  const adding = cases.map(async ({ fault }, i) => {
    await sleep(100 * i)
    const { id } = organizations[i] as { id: number }
    await simulator.control('POST', 'faults', {
      ...{ mode: 'late-apply', route: 'synchronize', organization: id, times: 1 },
      ...fault,
    })
    const answering = fetch(`${gateway.url}/v1/organizations/${id}/operators`, {
      method: 'POST',
      headers: { ...headers, 'Idempotency-Key': `late-${i}` },
      body: JSON.stringify({ operators: [{ name: 'Olena Kovalenko' }], onDuplicate: 'allow' }),
    })
    // A good answer between failures, so that the circuit breaker stays closed.
    await sleep(50)
    await fetch(`${gateway.url}/v1/organizations`, { headers: { ...headers, 'Cache-Control': 'no-cache' } })
    const answer = await answering
    return { status: answer.status, location: answer.headers.get('location') }
  })
  const answers = await Promise.all(adding)
  // The last look comes 30 s after the request was not found.
  await sleep(36_000)
  const counts = { doubled: 0, unmarked: 0 }
  for (const [i, { location }] of answers.entries()) {
    const { id } = organizations[i] as { id: number }
    const rows = await simulator.control('GET', `operators?organizationId=${id}`)
    if (rows.length > 1) counts.doubled++
    const read = async (path: string) => (await gateway.get(path)).json()
    // An answer within the deadline names no operation; the list of operations does.
    const find = async () => (await read(`/v1/operations?organization=${id}`)).items[0]
    const operation: Operation | undefined = await (location ? read(location) : find().catch(() => undefined))
    if (rows.length > 1 && operation?.state !== 'needsReview') counts.unmarked++
  }
  const metrics = await (await gateway.get('/metrics')).text()
  const told = Number(/^gw_late_writes_total (\d+)/m.exec(metrics)?.[1] ?? 0)
  await gateway.stop()
  await simulator.stop()
  return [
    { figure: `names doubled, of ${cases.length}`, now: counts.doubled, aim: 'cannot be prevented' },
    { figure: 'doubled without a mark', now: counts.unmarked, aim: 0 },
    { figure: 'counted in the metric', now: told, aim: counts.doubled },
  ]
}
