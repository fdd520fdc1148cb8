// Checks of deploy/kubernetes by the schemas of Kubernetes. Those of the package take fields that do not exist, its types do not:
// so each manifest is also compiled as a literal of its type.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse, parseAllDocuments } from 'yaml'

const project = fileURLToPath(new URL('../..', import.meta.url))
const read = (name) => readFileSync(join(project, 'deploy/kubernetes', name), 'utf8')
const manifests = parse(read('kustomization.yaml')).resources.flatMap((name) =>
  parseAllDocuments(read(name)).map((document) => document.toJS()),
)

const moduleOf = ({ apiVersion }) => `kubernetes-models/${apiVersion}`
const faultsOf = async (all) => {
  const folder = mkdtempSync(join(tmpdir(), 'kubernetes-'))
  try {
    const faults = []
    for (const manifest of all)
      try {
        const models = await import(moduleOf(manifest))
        new models[manifest.kind](manifest).validate()
      } catch (error) {
        faults.push(`${manifest.kind}: ${error.message}`)
      }
    const literals = all.map(
      (manifest, at) =>
        `import type { I${manifest.kind} as T${at} } from '${moduleOf(manifest)}'\nexport const m${at}: T${at} = ${JSON.stringify(manifest, null, 1)}\n`,
    )
    writeFileSync(join(folder, 'manifests.ts'), literals.join('\n'))
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    symlinkSync(fileURLToPath(new URL('node_modules', import.meta.url)), join(folder, 'node_modules'))
    const compilerOptions = { strict: true, noEmit: true, module: 'nodenext', types: [], skipLibCheck: true }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['manifests.ts'] }))
    const tsc = join(project, 'node_modules/typescript/bin/tsc')
    const { stdout } = spawnSync(process.execPath, [tsc, '-p', folder], { cwd: folder, encoding: 'utf8' })
    return [...faults, ...stdout.split('\n').filter(Boolean)]
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The Deployment with one fault. */
const broken = (change) => {
  const copy = structuredClone(manifests.find(({ kind }) => kind === 'Deployment'))
  change(copy.spec)
  return copy
}
const planted = {
  'a wrong type': (spec) => Object.assign(spec, { replicas: 'two' }),
  'an unknown field': (spec) => Object.assign(spec.template.spec.containers[0].readinessProbe, { periodSecond: 1 }),
  'a missing field': (spec) => delete spec.selector,
}

export const deployChecks = {
  'The manifests for Kubernetes, by its schemas and types': () => faultsOf(manifests),
  'The same with a fault is found out': async () => {
    const missed = []
    for (const [what, change] of Object.entries(planted))
      if ((await faultsOf([broken(change)])).length === 0) missed.push(`${what} was not found`)
    return missed
  },
}
