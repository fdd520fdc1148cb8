// Checks of the OpenAPI document: two linters, and the clients of two generators, compiled.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
const built = (path) => import(new URL(`../../dist/contract/${path}.js`, import.meta.url).href)
const { endpoints } = await built('endpoints')
const { createOpenApi } = await built('openapi')
const document = createOpenApi(Object.values(endpoints), '1.0.0')

const folder = mkdtempSync(join(tmpdir(), 'openapi-'))
const file = join(folder, 'openapi.json')
writeFileSync(file, JSON.stringify(document))

/** What a program of the tools writes to stdout. A linter that finds something exits with 1. */
const run = (program, ...parameters) => {
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' }
  return spawnSync(process.execPath, [program, ...parameters], { cwd: folder, env, encoding: 'utf8' }).stdout
}
const tool = (path) => join(here, 'node_modules', path)

/** Whether a problem is that an operation only leads elsewhere, which it is for. */
const isRedirect = ({ ruleId, location }) => {
  if (ruleId !== 'operation-2xx-response') return false
  const steps = location[0].pointer.split('/').slice(1)
  return '302' in steps.reduce((value, step) => value[step.replaceAll('~1', '/').replaceAll('~0', '~')], document)
}

export const openApiChecks = {
  'Redocly, rules `recommended`': () => {
    const text = run(tool('@redocly/cli/bin/cli.js'), 'lint', file, '--format=json', '--max-problems=100')
    const { problems } = JSON.parse(text)
    return problems
      .filter((problem) => !isRedirect(problem))
      .map(({ ruleId, message, location }) => `${ruleId}: ${message} ${location?.[0]?.pointer ?? ''}`)
  },
  'Spectral, rules `oas`': async () => {
    const require = createRequire(import.meta.url)
    const { Spectral, Document } = require('@stoplight/spectral-core')
    const { Json } = require('@stoplight/spectral-parsers')
    const { oas } = require('@stoplight/spectral-rulesets')
    const spectral = new Spectral()
    spectral.setRuleset({ extends: [[oas, 'recommended']] })
    const found = await spectral.run(new Document(readFileSync(file, 'utf8'), Json, file))
    return found.map(({ code, message, path }) => `${code}: ${message} ${path.join('/')}`)
  },
  'oazapfts, compiled under `strict`': () => {
    run(tool('oazapfts/dist/cli.js'), file, join(folder, 'oazapfts.ts'))
    return compiled('oazapfts.ts')
  },
  'swagger-typescript-api, compiled under `strict`': () => {
    const cli = tool('swagger-typescript-api/dist/cli.mjs')
    run(cli, 'generate', '--silent', '-p', file, '-o', folder, '-n', 'swagger.ts')
    return compiled('swagger.ts')
  },
}

/** The faults that the compiler of the gateway finds in a generated client, and in a program that uses its types. */
const compiled = (name) => {
  const use = `import type { Operator, OperatorList } from './${name}'
export const names = (list: OperatorList): string[] => list.items.map(({ name, status }: Operator) => name + status)
`
  writeFileSync(join(folder, `use-${name}`), use)
  const compilerOptions = {
    ...{ target: 'es2023', module: 'nodenext', lib: ['es2023', 'dom', 'dom.iterable'], types: [] },
    ...{ strict: true, noEmit: true, allowImportingTsExtensions: true },
  }
  const project = join(folder, `${name}.json`)
  writeFileSync(project, JSON.stringify({ compilerOptions, files: [name, `use-${name}`] }))
  const tsc = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url))
  return run(tsc, '-p', project).split('\n').filter(Boolean)
}

writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
symlinkSync(join(here, 'node_modules'), join(folder, 'node_modules'))
process.on('exit', () => rmSync(folder, { recursive: true }))
