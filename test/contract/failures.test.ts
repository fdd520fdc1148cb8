import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from '@jest/globals'
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

describe('the table of failures', () => {
  it('has no code that nothing throws', () => {
    const unused = Object.keys(failures).filter((code) => !throwing.includes(`'${code}'`))
    expect(unused).toEqual([])
  })

  it.each(Object.entries(failures))('has short, whole sentences: %s', (_, { title, detail, fix }) => {
    expect(title).not.toMatch(/\.$/)
    for (const text of [detail, fix]) {
      expect(text).toMatch(/\.$/)
      for (const sentence of text.split(/(?<=[.:]) /))
        expect(sentence.split(' ').length).toBeLessThanOrEqual(20)
    }
  })

  it('tells a caller to repeat later for every status that has Retry-After', () => {
    const temporary = Object.values(failures).filter(({ status }) => [429, 502, 503].includes(status))
    expect(temporary.length).toBeGreaterThan(5)
    for (const { retry, title } of temporary) expect([title, retry]).toEqual([title, 'later'])
  })
})
