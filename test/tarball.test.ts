import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'

type Packed = { filename: string; integrity: string; size: number; files: { path: string }[] }

const project = fileURLToPath(new URL('..', import.meta.url))
/** The empty folder of a user. */
const folder = mkdtempSync(join(tmpdir(), 'tarball-'))
const installed = join(folder, 'node_modules/chathub-gateway')
afterAll(() => rmSync(folder, { recursive: true }))

const run = (cwd: string, program: string, ...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8', maxBuffer: 2 ** 26 })
  return { status, stdout, stderr }
}

let packs: [Packed, Packed]
/**
 * Unpacks the tarball and links the packages that it names: no other one is found from its files. `npm run check:artifacts`
 * installs it by npm.
 */
beforeAll(() => {
  packs = JSON.parse(run(project, 'npm', 'pack', '.', '.', '--json', '--pack-destination', folder).stdout)
  mkdirSync(installed, { recursive: true })
  run(folder, 'tar', 'xzf', packs[0].filename, '-C', installed, '--strip-components=1')
  const { dependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
  for (const name of Object.keys(dependencies)) {
    const link = join(folder, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(join(project, 'node_modules', name), link)
  }
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
})

describe('the tarball', () => {
  it('has the same bytes each time, and holds the program and its documents alone', () => {
    const [first, second] = packs
    expect(first.integrity).toMatch(/^sha512-/)
    expect(second.integrity).toBe(first.integrity)
    const paths = first.files.map(({ path }) => path)
    expect(paths).toEqual(expect.arrayContaining(['dist/main.js', 'dist/cli.js', 'LICENSE', 'SECURITY.md']))
    expect(
      paths.filter((path) => !/^(deploy|dist|docs|examples\/front-end)\//.test(path)).toSorted(),
    ).toEqual([
      '.env.example',
      'CHANGELOG.md',
      'CONTRIBUTING.md',
      'LICENSE',
      'README.md',
      'SECURITY.md',
      'UPGRADING.md',
      'package.json',
    ])
    expect(paths.filter((path) => /\.test\.|node_modules|(?<!\.d)\.ts$/.test(path))).toEqual([])
    process.stderr.write(`The tarball: ${paths.length} files, ${Math.round(first.size / 1024)} KiB.\n`)
  })

  it('has types for what it exports, and for nothing else', () => {
    const { exports } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
    const wanted = new Set<string>()
    const take = (path: string): void => {
      if (wanted.has(path)) return
      wanted.add(path)
      for (const [, name = ''] of readFileSync(join(installed, path), 'utf8').matchAll(/from '(\.[^']+)'/g))
        take(posix.join(dirname(path), name.replace(/\.ts$/, '.d.ts')))
    }
    for (const { types } of Object.values(exports) as { types?: string }[])
      if (types) take(posix.normalize(types))
    const present = packs[0].files.map(({ path }) => path).filter((path) => path.endsWith('.d.ts'))
    const foldersOf = (paths: Iterable<string>) => [...new Set([...paths].map(dirname))].toSorted()
    expect(foldersOf(present)).toEqual(foldersOf(wanted))
  })

  it('has every file that its documents link to', () => {
    const pages = packs[0].files.map(({ path }) => path).filter((path) => path.endsWith('.md'))
    const broken = pages.flatMap((page) => {
      const links = readFileSync(join(installed, page), 'utf8').matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)
      return [...links]
        .map(([, link = '']) => link)
        .filter((link) => !/^(https?:|mailto:|\/)/.test(link))
        .filter((link) => !existsSync(join(installed, dirname(page), link)))
        .map((link) => `${page}: ${link}`)
    })
    expect(pages.length).toBeGreaterThan(20)
    expect(broken).toEqual([])
  })

  it('runs its demo in a folder that has nothing else', () => {
    const { status, stdout, stderr } = run(
      folder,
      process.execPath,
      `${installed}/dist/cli.js`,
      'demo',
      '--once',
    )
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout).toContain('The main use case works')
  })

  it('says what to type when traces are wanted without their packages', () => {
    const env = {
      CHATHUB_COMPANY_TOKEN: 'ct_company-token',
      API_KEYS: '{"clients":[{"id":"crm","keyHash":"sha256:PLACE"}]}'.replace('PLACE', 'a'.repeat(64)),
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318',
    }
    const main = `${installed}/dist/main.js`
    const { status, stderr } = spawnSync(process.execPath, [main], { cwd: folder, env, encoding: 'utf8' })
    expect([status, stderr]).toEqual([
      78,
      expect.stringContaining('Type: npm install @opentelemetry/api@1.9 '),
    ])
  })

  it('gives client, fake client and simulator to Node by their names, and nothing by another', () => {
    const program = `import { createClient } from 'chathub-gateway/client'
import { createFakeClient } from 'chathub-gateway/client/fake'
import { startSimulator } from 'chathub-gateway/simulator'
const { url, key, close } = await startSimulator()
const named = async ({ operators }) => (await operators.list(24)).items.map(({ name }) => name).join()
console.log(await named(createClient({ baseUrl: url, key })), await named(createFakeClient()))
await close()
await import('chathub-gateway/dist/gateway.js').catch(({ code }) => console.log(code))
`
    writeFileSync(join(folder, 'use.mjs'), program)
    const { stdout, stderr } = run(folder, process.execPath, 'use.mjs')
    const names = 'John Smith,Sarah Johnson,Mike Wilson'
    expect([stderr, stdout]).toEqual(['', `${names} ${names}\nERR_PACKAGE_PATH_NOT_EXPORTED\n`])
  })

  it('has types that compile under strict, those of the client also without the types of Node', () => {
    const programs = {
      client: `import { createClient, isOperation, type Operator } from 'chathub-gateway/client'
import { createFakeClient } from 'chathub-gateway/client/fake'
const gateway = createClient({ baseUrl: '', session: true })
export const first = async (): Promise<Operator | undefined> => {
  for await (const operator of gateway.operators.list(24, { status: ['active'] })) return operator
  const added = await createFakeClient().operators.add(24, { operators: [{ name: 'Alex Brown' }] })
  // @ts-expect-error: it may be an operation.
  const { results } = added
  return isOperation(added) || results ? undefined : gateway.operators.find(added.results.length)
}
`,
      simulator: `import { startSimulator, type Simulation } from 'chathub-gateway/simulator'
export const started: Promise<Simulation> = startSimulator({ latencyMs: 5, settings: { CACHE_FRESH_SECONDS: '1' } })
export const slow = async (): Promise<void> => (await started).chathub.fault({ mode: 'status', status: 503 })
// @ts-expect-error: a number is wanted.
startSimulator({ latencyMs: '5' })
`,
    }
    // Whoever starts servers has the types of Node.
    mkdirSync(join(folder, 'node_modules/@types'))
    symlinkSync(join(project, 'node_modules/@types/node'), join(folder, 'node_modules/@types/node'))
    for (const [name, program] of Object.entries(programs)) {
      writeFileSync(join(folder, `${name}.ts`), program)
      const compilerOptions = {
        ...{ strict: true, noEmit: true, skipLibCheck: false, exactOptionalPropertyTypes: true },
        ...{ target: 'es2022', module: 'nodenext', lib: ['es2022', 'dom'] },
        types: name === 'client' ? [] : ['node'],
      }
      const path = join(folder, `${name}.json`)
      writeFileSync(path, JSON.stringify({ compilerOptions, files: [`${name}.ts`] }))
      const tsc = join(project, 'node_modules/typescript/bin/tsc')
      expect(run(folder, process.execPath, tsc, '-p', path).stdout).toBe('')
    }
    expect(readdirSync(folder)).not.toContain('client.js')
  })
})
