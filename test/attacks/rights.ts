import { connect } from 'node:net'
import { join } from 'node:path'
import { createSimulator } from '../../src/apps/simulator/simulator.ts'
import type { OpenApi } from '../fuzz/document.ts'
import { createCompany } from '../rights/company.ts'
import { createConnection } from '../rights/connection.ts'
import { runTable, scopeSetsOf } from '../rights/table.ts'
import { openWorld } from '../rights/world.ts'
import { spawnReady } from '../support/processes.ts'

export const question = 'Does any endpoint tell a caller more than its rights allow?'

type Asked = { dist: string; say(text: string): void }

/** The whole table, from the OpenAPI document of a running gateway. */
const table = async ({ dist, say }: Asked) => {
  const simulator = await createSimulator()
  const start = (env: Record<string, string>) =>
    spawnReady(process.execPath, [join(dist, 'main.js')], {
      PORT: '0',
      CHATHUB_BASE_URL: simulator.url,
      CHATHUB_COMPANY_TOKEN: 'ct_demo-company-token',
      LOG_LEVEL: 'error',
      ...env,
    })
  const first = await createCompany([[]])
  const describing = await start(first.env)
  const document = (await (await fetch(`${describing.url}/openapi.json`)).json()) as OpenApi
  await describing.stop()
  await first.close()

  const company = await createCompany(scopeSetsOf(document))
  company.seed(simulator)
  const gateway = await start(company.env)
  const port = Number(new URL(gateway.url).port)
  const connection = createConnection(() => connect(port, '127.0.0.1'))
  const world = await openWorld(connection, company)
  const result = await runTable({ document, world, connection, simulator, extent: 'full' })
  const { counts, differences, missing, withoutSuccess, blind } = result
  for (const difference of differences) say(difference)
  for (const [what, titles] of Object.entries({ missing, withoutSuccess, blind }))
    if (titles.length > 0) say(`${what}: ${titles.join(', ')}`)
  connection.close()
  await gateway.stop()
  await simulator.close()
  await company.close()
  return [
    { figure: 'requests of the table', now: Object.values(counts).reduce((a, b) => a + b, 0), aim: '' },
    ...Object.entries(counts).map(([what, count]) => ({ figure: `… ${what}`, now: count, aim: '' })),
    { figure: 'differences', now: differences.length, aim: 0 },
    {
      figure: 'endpoints without a row, or that serve nobody',
      now: missing.length + withoutSuccess.length,
      aim: 0,
    },
    { figure: 'places where own and foreign cannot be told apart', now: blind.length, aim: 0 },
  ]
}

export const run = table
