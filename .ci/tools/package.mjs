// Checks of the tarball that `npm pack` makes: installed in an empty folder as a user does, and held against two linters.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'

const project = fileURLToPath(new URL('../..', import.meta.url))
const parent = mkdtempSync(join(tmpdir(), 'package-'))
process.on('exit', () => rmSync(parent, { recursive: true }))

const run = (cwd, program, ...parameters) => {
  const { status, stdout, stderr } = spawnSync(program, parameters, { cwd, encoding: 'utf8' })
  return { ok: status === 0, stdout, text: `${stdout}${stderr}`.trimEnd() }
}

/** Packs what `npm run build` has made. Resolves to the path of the tarball. */
const pack = () => {
  const packed = run(project, 'npm', 'pack', '--silent', '--pack-destination', parent)
  if (!packed.ok) throw new Error(packed.text)
  return join(parent, packed.stdout.trim())
}
const tarball = pack()

export const packageChecks = {
  'The tarball installs in an empty folder, and its demo works there': () => {
    const folder = join(parent, 'empty')
    mkdirSync(folder)
    const startedAt = performance.now()
    const installed = run(folder, 'npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', tarball)
    if (!installed.ok) return installed.text.split('\n')
    const demo = run(folder, 'npx', '--no', 'chathub-gateway', 'demo', '--once')
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
    const count = readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.')).length
    console.log(`     ${seconds} s from the tarball to the last answer; ${count} entries in node_modules`)
    return demo.ok && demo.stdout.includes('The main use case works') ? [] : demo.text.split('\n')
  },
  'publint, strict': async () => {
    const { messages, pkg } = await publint({ pkgDir: project, strict: true })
    return messages.map((message) => formatMessage(message, pkg, { color: false }))
  },
  'Are the types wrong, for ESM': () => {
    const attw = fileURLToPath(new URL('node_modules/@arethetypeswrong/cli/dist/index.js', import.meta.url))
    const found = run(parent, process.execPath, attw, tarball, '--profile', 'esm-only', '--format', 'ascii', '--no-color')
    return found.ok ? [] : found.text.split('\n')
  },
}
