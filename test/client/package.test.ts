import { readFileSync } from 'node:fs'
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
})
