import { parseArgs } from 'node:util'
import { generatedOrganizations } from './known-organizations.ts'
import { createRandom } from './random.ts'
import type { SimulatorOptions } from './simulator.ts'
import type { TokenShape } from './token-endpoints.ts'

export const help = `A simulated ChatHub for development and tests. It keeps its data in memory only.

  --port <n>             0, the default, chooses a free port
  --host <address>       127.0.0.1
  --seed <n>             1: determines the generated operators and the random faults
  --organizations <n>    3
  --operators <n>        13, distributed over the organizations
  --latency <ms>         0
  --token-shape <shape>  string | text | object: the form of a login's answer
  --help

It accepts CHATHUB_LOGIN, CHATHUB_PASSWORD and CHATHUB_COMPANY_TOKEN from the environment
(demo, demo-password, ct_demo-company-token). Faults: POST /__sim/faults.
`

const shapes = ['string', 'text', 'object']

/**
 * Reads the command line and the environment; returns 'help' for `--help`.
 * @throws TypeError with a readable message for a wrong flag or value
 */
export function readCommandLine(args: string[], env: NodeJS.ProcessEnv): SimulatorOptions | 'help' {
  const { values } = parseArgs({
    args,
    options: {
      port: { type: 'string' },
      host: { type: 'string' },
      seed: { type: 'string' },
      organizations: { type: 'string' },
      operators: { type: 'string' },
      latency: { type: 'string' },
      'token-shape': { type: 'string' },
      help: { type: 'boolean' },
    },
  })
  if (values.help) return 'help'
  const shape = values['token-shape'] ?? 'string'
  if (!shapes.includes(shape)) throw new TypeError(`--token-shape must be one of ${shapes.join(', ')}`)
  const seed = whole('seed', values.seed) ?? 1
  const operators = whole('operators', values.operators)
  const organizations = whole('organizations', values.organizations)

  return {
    port: whole('port', values.port) ?? 0,
    host: values.host ?? '127.0.0.1',
    seed,
    organizations: generatedOrganizations(createRandom(seed), operators, organizations),
    latencyMs: whole('latency', values.latency) ?? 0,
    tokenShape: shape as TokenShape,
    ...(env['CHATHUB_LOGIN'] ? { login: env['CHATHUB_LOGIN'] } : {}),
    ...(env['CHATHUB_PASSWORD'] ? { password: env['CHATHUB_PASSWORD'] } : {}),
    ...(env['CHATHUB_COMPANY_TOKEN'] ? { companyToken: env['CHATHUB_COMPANY_TOKEN'] } : {}),
  }
}

function whole(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d{1,9}$/.test(text)) throw new TypeError(`--${name} must be a whole number, not "${text}"`)
  return Number(text)
}
