// A transform of jest: that of package.json, with one mutant put into its file. The worker names it in MUTANT.
import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import swc from '@swc/jest'

const [, options] = JSON.parse(readFileSync('package.json', 'utf8')).jest.transform['\\.ts$']
const plain = swc.createTransformer(options)

const changed = (source, filename) => {
  const mutant = JSON.parse(process.env.MUTANT ?? 'null')
  if (!mutant || !filename.endsWith(`/${mutant.file}`)) return source
  return source.slice(0, mutant.start) + mutant.text + source.slice(mutant.end)
}

export default {
  // Of the text alone: the settings of jest differ for each mutant, and the other files need no new transform.
  getCacheKey: (source, filename) =>
    hash('sha1', JSON.stringify([options, filename, changed(source, filename)])),
  process: (source, filename, given) => plain.process(changed(source, filename), filename, given),
  processAsync: (source, filename, given) => plain.processAsync(changed(source, filename), filename, given),
}
