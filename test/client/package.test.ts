import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from '@jest/globals'
import { minifySync } from '@swc/core'

const project = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string): string => readFileSync(join(project, path), 'utf8')

/** A built module and all that it imports. */
const modulesOf = (path: string, found = new Map<string, string>()): Map<string, string> => {
  if (found.has(path)) return found
  const text = read(path)
  found.set(path, text)
  for (const [, what = ''] of text.matchAll(/from '([^']+)'/g)) {
    expect([path, what]).toEqual([path, expect.stringMatching(/^\.\//)])
    modulesOf(join(path, '..', what), found)
  }
  return found
}

describe('the client as a package', () => {
  it('imports nothing but its own files, and has at most 8 kB', () => {
    const modules = [...modulesOf('dist/client/client.js').values()]
    const small = modules.map((text) => minifySync(text, { module: true, compress: true, mangle: true }).code)
    const bytes = gzipSync(small.join('\n'), { level: 9 }).length
    process.stderr.write(`The client: ${modules.length} modules, ${bytes} bytes minified and gzipped.\n`)
    expect(bytes).toBeLessThanOrEqual(8 * 1024)
    modulesOf('dist/client/fake-client.js')
  })

  it('is found by its names, with types that compile under strict without those of Node', () => {
    const folder = mkdtempSync(join(tmpdir(), 'client-'))
    const program = `import { createClient, isOperation, type Operator } from 'chathub-gateway/client'
import { createFakeClient } from 'chathub-gateway/client/fake'
const gateway = createClient({ baseUrl: '', session: true })
export const first = async (): Promise<Operator | undefined> => {
  for await (const operator of gateway.operators.list(24, { status: ['active'] })) return operator
  const added = await createFakeClient().operators.add(24, { operators: [{ name: 'Alex Brown' }] })
  // @ts-expect-error: it may be an operation.
  const { results } = added
  return isOperation(added) || results ? undefined : gateway.operators.find(added.results.length)
}
`
    writeFileSync(join(folder, 'use.ts'), program)
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    mkdirSync(join(folder, 'node_modules'))
    symlinkSync(project, join(folder, 'node_modules/chathub-gateway'))
    const compilerOptions = {
      strict: true,
      noEmit: true,
      target: 'es2022',
      types: [],
      exactOptionalPropertyTypes: true,
    }
    const options = { ...compilerOptions, module: 'nodenext', lib: ['es2022', 'dom'] }
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: options, files: ['use.ts'] }),
    )
    const tsc = join(project, 'node_modules/typescript/bin/tsc')
    const { stdout } = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' })
    expect(stdout).toBe('')
    rmSync(folder, { recursive: true })
  })
})
