import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createSimulator, type Operator, type Simulator } from '../../src/apps/simulator/simulator.ts'
import { track } from '../support/children.ts'
import { startGateway } from '../support/gateway.ts'

const programs = fileURLToPath(new URL('./programs/', import.meta.url))
const companyToken = 'ct_the-company-token-of-the-document'

export type Outcome = {
  code: number | null
  stdout: string
  stderr: string
  /** The operators in ChatHub after the run. */
  operators: Operator[]
  /** Calls that reached ChatHub, by route. */
  arrivals: Record<string, number>
}

export type Program = {
  /** Pieces of the document under programs/, joined in this order. */
  pieces: string[]
  /** JavaScript of the test, put after the last piece. */
  drive?: string
  /** JavaScript of the test, put before the last piece. */
  given?: string
  command?: string
  env?: Record<string, string>
  /** Runs with a credential that does not exist. */
  wrongToken?: boolean
}

/** The text of the document with another base URL and token, and no other change. */
const sourceOf = async (program: Program, url: string, token: string): Promise<string> => {
  const texts = await Promise.all(program.pieces.map((piece) => readFile(join(programs, piece), 'utf8')))
  if (program.given !== undefined) texts.splice(-1, 0, program.given)
  if (program.drive !== undefined) texts.push(program.drive)
  const text = texts
    .join('\n')
    .replaceAll('https://chatapi.smsbat.com', url)
    .replaceAll(/your-company-token|\{company-token\}/g, token)
  // The samples use both `require` and a top-level await: a module with `require` runs them.
  const require = `import { createRequire } from 'node:module'; const require = createRequire(${JSON.stringify(import.meta.url)});\n`
  return program.pieces[0]?.endsWith('.js') ? require + text : text
}

const run = async (program: Program, simulator: Simulator, url: string, token: string): Promise<Outcome> => {
  const home = await mkdtemp(join(tmpdir(), 'chathub-doc-'))
  try {
    const file = join(home, program.pieces[0]?.endsWith('.js') ? 'program.mjs' : 'program')
    await writeFile(file, await sourceOf(program, url, program.wrongToken ? `nobody-${token}` : token))
    // Settings of curl print the status, and the content type on stderr, without a change to its lines.
    const writeOut = 'write-out = "\\n%{http_code}\\n%{stderr}%{content_type}"'
    await writeFile(join(home, '.curlrc'), `silent\n${writeOut}\n`)
    const child = spawn(program.command ?? process.execPath, [file], {
      env: { PATH: process.env['PATH'] ?? '', HOME: home, ...program.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    const { code } = await track(child)
    const arrivals: Record<string, number> = {}
    for (const { route } of simulator.arrivals()) arrivals[route] = (arrivals[route] ?? 0) + 1
    return { code, stdout, stderr, operators: simulator.operators(), arrivals }
  } finally {
    await rm(home, { recursive: true })
  }
}

/** Runs a program twice, each time against a new ChatHub: through the gateway and directly. */
export const runBothWays = async (
  program: Program,
  prepare: (simulator: Simulator) => void = () => {},
): Promise<{ gateway: Outcome; direct: Outcome }> => {
  const started = await startGateway()
  const simulator = await createSimulator({ companyToken })
  try {
    prepare(started.simulator)
    prepare(simulator)
    return {
      gateway: await run(program, started.simulator, started.url, started.key),
      direct: await run(program, simulator, simulator.url, companyToken),
    }
  } finally {
    await started.close()
    await simulator.close()
  }
}

/** Runs a program both ways. @throws Error when its output, exit code or operators differ */
export const runAlike = async (
  program: Program,
  prepare?: (simulator: Simulator) => void,
): Promise<Outcome & { gateway: Outcome }> => {
  const { gateway, direct } = await runBothWays(program, prepare)
  if (direct.code !== 0) throw new Error(`The program fails against ChatHub itself:\n${direct.stderr}`)
  for (const part of ['stdout', 'code', 'operators'] as const) {
    const [ours, theirs] = [gateway[part], direct[part]].map((value) => JSON.stringify(value, null, 1))
    if (ours !== theirs)
      throw new Error(
        `${part} differs.\nThrough the gateway:\n${ours}\nDirectly:\n${theirs}\n${gateway.stderr}`,
      )
  }
  return { ...direct, gateway }
}
