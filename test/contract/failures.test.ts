import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from '@jest/globals'
import { failures } from '../../src/errors.ts'

const src = fileURLToPath(new URL('../../src', import.meta.url))

/** Lines that may throw: not the table, not the contract, and not a check of a failure that was caught. */
const throwing = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !/^(errors\.ts|contract\/|apps\/)/.test(path))
  .flatMap((path) => readFileSync(join(src, path), 'utf8').split('\n'))
  .filter(
    (line) =>
      /new Failure\('/.test(line) ||
      !/\bisFailure\(|\bcode [!=]==|reason: '|^\s*(\*|\/\/)|^const .*FailureCode(\[\]|>)/.test(line),
  )
  .join('\n')

it('the table of failures has no code that nothing throws', () => {
  const unused = Object.keys(failures).filter((code) => !throwing.includes(`'${code}'`))
  expect(unused).toEqual([])
})
