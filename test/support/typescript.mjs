// node --import ./test/support/typescript.mjs some/program.ts: starts TypeScript of src and test on every Node, as jest does.
import { readFile } from 'node:fs/promises'
import { register } from 'node:module'
import { fileURLToPath } from 'node:url'
import { transform } from '@swc/core'

const options = {
  jsc: { target: 'es2023', parser: { syntax: 'typescript' } },
  module: { type: 'es6' },
  sourceMaps: 'inline',
}

/** The address under which Node's own thread of hooks loads this file. */
const hooks = new URL('#hooks', import.meta.url).href

/** A hook of node:module. */
export const load = async (url, context, next) => {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return next(url, context)
  const filename = fileURLToPath(url)
  const { code } = await transform(await readFile(filename, 'utf8'), { ...options, filename })
  return { format: 'module', source: code, shortCircuit: true }
}

if (import.meta.url !== hooks) register(hooks)
