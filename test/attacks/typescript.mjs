// A loader hook of Node (`module.register`): TypeScript becomes JavaScript when it is imported.
import { readFile } from 'node:fs/promises'
import { transform } from '@swc/core'

export const load = async (url, context, next) => {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return next(url, context)
  const text = await readFile(new URL(url), 'utf8')
  const { code } = await transform(text, {
    filename: url,
    sourceMaps: 'inline',
    jsc: { target: 'es2023', parser: { syntax: 'typescript' } },
    module: { type: 'es6' },
  })
  return { format: 'module', source: code, shortCircuit: true }
}
