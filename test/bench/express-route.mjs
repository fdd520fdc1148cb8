// What does a request cost that only Express takes? `Cache-Control: max-age=0` keeps it from being replayed.

import { peer, prepareLists } from './hit.mjs'
import { keyHeader, listPath, payloads, startGateway } from './lib/gateway.mjs'
import { effort, race, row } from './lib/rounds.mjs'

export const question =
  'A request that takes the Express route (validated, not replayed), 3 operators, to bare'

export const run = async (options) => {
  const { builds, say } = options
  const { simulator, bodies } = await prepareLists()
  const path = listPath(payloads[0].organization)
  const headers = { ...keyHeader, 'Cache-Control': 'max-age=0' }
  const contestants = async () => {
    const bare = await peer('bare', [bodies[0].file])
    const made = [{ ...bare, name: 'bare', url: bare.url + path, headers }]
    for (const { name, dist } of builds) {
      const gateway = await startGateway(simulator, { from: dist })
      await gateway.get(path)
      made.push({ ...gateway, name, url: gateway.url + path, headers })
    }
    return made
  }
  const slices = await race(contestants, effort(options))
  const rows = [...slices].map(([name, own]) => row(name, own, slices.get('bare')))
  say('280 B', rows)
  await simulator.stop()
  return rows
}
