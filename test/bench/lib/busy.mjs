// node busy.mjs GATEWAY SIMULATOR KEY: until it is ended, a list of 1,000 loaded anew up to five times a second, someone
// in it changed each time, and imports of 1,000 rows one after another, each into an organization of 3.
import { setTimeout as sleep } from 'node:timers/promises'
import { listPath, people } from './gateway.mjs'

const [gateway, simulator, key] = process.argv.slice(2)
const ask = async (url, options) => {
  const answer = await fetch(url, options)
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${text}`)
  return text === '' ? undefined : JSON.parse(text)
}
const headers = { 'X-API-Key': key }
const setOperators = (organization, operators) =>
  ask(`${simulator}/__sim/operators/${organization}`, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(operators),
  })

const refresh = async () => {
  for (let round = 0; ; round++) {
    const changed = people(1000)
    changed[round % 1000].name += ' changed'
    await setOperators(42, changed)
    await ask(gateway + listPath(42), { headers: { ...headers, 'Cache-Control': 'no-cache' } })
    await sleep(200)
  }
}
const imports = async () => {
  for (let round = 0; ; round++) {
    const rows = people(1000).map(({ name }) => `${name} import ${round}`)
    const { id } = await ask(`${gateway}/v1/organizations/24/imports`, {
      method: 'POST',
      headers: { ...headers, 'Content-Type': 'text/csv', 'Idempotency-Key': `busy-${process.pid}-${round}` },
      body: `name\n${rows.join('\n')}\n`,
    })
    for (let state = 'queued'; ['queued', 'running'].includes(state); ) {
      await sleep(100)
      state = (await ask(`${gateway}/v1/operations/${id}`, { headers })).state
    }
    await setOperators(24, people(3))
  }
}
await Promise.all([refresh(), imports()])
