// What does "you have it already" save? 304 to the identity answer at 94 KB.

import { prepareLists } from './hit.mjs'
import { keyHeader, listPath, payloads, startGateway } from './lib/gateway.mjs'
import { effort, race, row } from './lib/rounds.mjs'

export const question = 'A conditional read: 304 to the whole answer, 1,000 operators'

export const run = async (options) => {
  const { builds, say } = options
  const { simulator } = await prepareLists()
  const path = listPath(payloads[2].organization)
  const contestants = async () => {
    const made = []
    for (const { name, dist } of builds) {
      const gateway = await startGateway(simulator, { from: dist })
      const answer = await gateway.get(path, { 'Accept-Encoding': 'identity' })
      await answer.arrayBuffer()
      const url = gateway.url + path
      const etag = answer.headers.get('etag')
      made.push({ ...gateway, name: `${name}: identity`, url, headers: keyHeader })
      made.push({ ...gateway, name: `${name}: 304`, url, headers: { ...keyHeader, 'If-None-Match': etag } })
    }
    return made
  }
  const slices = await race(contestants, effort(options))
  const [first] = slices.keys()
  const rows = [...slices].map(([name, own]) => row(name, own, slices.get(first)))
  say('94 KB', rows)
  await simulator.stop()
  return rows
}
