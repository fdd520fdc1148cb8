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

export type Told = {
  code: number | null
  stdout: string
  stderr: string
  /** ChatHub's table after the run: what really happened. */
  operators: Operator[]
  /** Calls that reached ChatHub, by route. */
  arrivals: Record<string, number>
}

export type Program = {
  /** Pieces of the document, under programs/, put one after the other. */
  pieces: string[]
  /** What this test does with them, after the last piece; JavaScript only. */
  drive?: string
  /** Stands before the last piece; JavaScript only. */
  given?: string
  command?: string
  env?: Record<string, string>
  /** A credential that is nobody's. */
  wrongToken?: boolean
}

/** Base URL and token changed, nothing else: the files hold the document's own text. */
const sourceOf = async (program: Program, url: string, token: string): Promise<string> => {
  const texts = await Promise.all(program.pieces.map((piece) => readFile(join(programs, piece), 'utf8')))
  if (program.given !== undefined) texts.splice(-1, 0, program.given)
  if (program.drive !== undefined) texts.push(program.drive)
  const text = texts
    .join('\n')
    .replaceAll('https://chatapi.smsbat.com', url)
    .replaceAll(/your-company-token|\{company-token\}/g, token)
  // The samples are CommonJS with one top-level await: a module that has `require` runs both.
  const require = `import { createRequire } from 'node:module'; const require = createRequire(${JSON.stringify(import.meta.url)});\n`
  return program.pieces[0]?.endsWith('.js') ? require + text : text
}

const run = async (program: Program, simulator: Simulator, url: string, token: string): Promise<Told> => {
  const home = await mkdtemp(join(tmpdir(), 'chathub-doc-'))
  try {
    const file = join(home, program.pieces[0]?.endsWith('.js') ? 'program.mjs' : 'program')
    await writeFile(file, await sourceOf(program, url, program.wrongToken ? `nobody-${token}` : token))
    // curl's own settings file, so that its lines stay as they are and still tell status and (on stderr) label.
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

/** The same program twice, each time before a fresh ChatHub: through the gateway, and straight. */
export const runBothWays = async (
  program: Program,
  prepare: (simulator: Simulator) => void = () => {},
): Promise<{ gateway: Told; straight: Told }> => {
  const started = await startGateway()
  const simulator = await createSimulator({ companyToken })
  try {
    prepare(started.simulator)
    prepare(simulator)
    return {
      gateway: await run(program, started.simulator, started.url, started.key),
      straight: await run(program, simulator, simulator.url, companyToken),
    }
  } finally {
    await started.close()
    await simulator.close()
  }
}

/** Both ways said the same, ended the same and left the same table; gives back that one outcome. */
export const runAlike = async (
  program: Program,
  prepare?: (simulator: Simulator) => void,
): Promise<Told & { gateway: Told }> => {
  const { gateway, straight } = await runBothWays(program, prepare)
  if (straight.code !== 0) throw new Error(`The program fails before ChatHub itself:\n${straight.stderr}`)
  for (const part of ['stdout', 'code', 'operators'] as const) {
    const [ours, theirs] = [gateway[part], straight[part]].map((value) => JSON.stringify(value, null, 1))
    if (ours !== theirs)
      throw new Error(
        `${part} differs.\nThrough the gateway:\n${ours}\nStraight:\n${theirs}\n${gateway.stderr}`,
      )
  }
  return { ...straight, gateway }
}
