// npm run sbom: the production packages in the CycloneDX format, on stdout.
// `npm sbom --omit dev` of npm 11 leaves out what a development package needs too. So npm sees a project without those.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const read = (name) => JSON.parse(readFileSync(new URL(`../${name}`, import.meta.url), 'utf8'))
const { devDependencies: _, ...project } = read('package.json')
const lock = read('package-lock.json')
const { devDependencies: __, ...root } = lock.packages['']
const production = Object.entries(lock.packages).filter(([path, { dev }]) => path !== '' && !dev)

const parent = mkdtempSync(join(tmpdir(), 'sbom-'))
try {
  // The document takes its name from the folder.
  const folder = join(parent, project.name)
  mkdirSync(folder)
  writeFileSync(join(folder, 'package.json'), JSON.stringify(project))
  const packages = { '': root, ...Object.fromEntries(production) }
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify({ ...lock, packages }))
  const format = ['--sbom-format', 'cyclonedx', '--sbom-type', 'application', '--package-lock-only']
  process.stdout.write(execFileSync('npm', ['sbom', ...format], { cwd: folder }))
} finally {
  rmSync(parent, { recursive: true })
}
