import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { stopEverything } from '../support/children.ts'
import { provide } from '../support/debian.ts'
import { describeWithPhp, describeWithPython } from '../support/needs.ts'
import { blocksOf, isShownAs, runnable } from './blocks.ts'
import { syntaxFaultOf } from './check-syntax.ts'
import { startDemo } from './demo-process.ts'
import { faultOf, type Outcome, runPage } from './run-page.ts'

// Every code block of the README and of docs/guides, typed one after the other, beside one demo.

const project = join(import.meta.dirname, '../..')
const guides = readdirSync(join(project, 'docs/guides')).filter((name) => name.endsWith('.md'))
const pages = ['README.md', ...guides.toSorted().map((name) => `docs/guides/${name}`)]
const interpreters = { python: provide('python-requests'), php: provide('php') }
const suites = { python: describeWithPython, php: describeWithPhp } as Record<string, typeof describeWithPhp>

let demo: Awaited<ReturnType<typeof startDemo>>
beforeAll(async () => {
  demo = await startDemo()
})
afterAll(async () => {
  await demo.stop()
  await stopEverything()
})

/** Runs a page from the first state of the demo. Its address takes the place of the usual one. */
const run = async (text: string): Promise<Outcome[]> => {
  await demo.reset()
  return runPage(
    blocksOf(text.replaceAll('http://127.0.0.1:8080', demo.env['GATEWAY'] as string)),
    demo.env,
    interpreters,
  )
}

describe.each(pages)('%s', (page) => {
  const text = readFileSync(join(project, page), 'utf8')
  const blocks = blocksOf(text)
  let outcomes: Outcome[]
  beforeAll(async () => {
    outcomes = await run(text)
  })

  for (const language of runnable) {
    const own = blocks.filter((block) => block.language === language && block.noRun === undefined)
    if (own.length === 0) continue
    const suite = suites[language] ?? ((name, body) => describe(name, body as () => void))
    suite(`${page} in ${language}`, () => {
      it.each(own.map(({ line }) => line))('line %i runs and answers as it says', (line) => {
        const outcome = outcomes.find(({ block }) => block.line === line)
        expect(outcome && faultOf(outcome)).toBe(undefined)
        expect(outcome?.state).toBe('ended')
      })
    })
  }

  it('has no line of code that is wider than its column', () => {
    const lines = blocks.flatMap(({ code, answer }) => `${code}${answer?.text ?? ''}`.split('\n'))
    expect(lines.filter((line) => line.length > 110)).toEqual([])
  })

  it('has only sound code in the blocks that are not run', () => {
    const unrun = blocks.filter(({ language, noRun }) => noRun !== undefined || !runnable.includes(language))
    const faults = unrun.map((block) => [block.line, syntaxFaultOf(block, interpreters) ?? ''])
    expect(faults.filter(([, fault]) => fault !== '')).toEqual([])
  })
})

describe('a page that is wrong', () => {
  const page = [
    '```sh\nid=101\necho "{\\"id\\": $id}"\n```\n```json answer\n{"id":102}\n```\n',
    '```js\nconsole.log(1 + 1) // prints: 3\n```\n',
    '```sh\ncurl -sf $GATEWAY/v1/me -H "X-API-Key: wrong"\necho not reached\n```\n',
    '```sh\necho later\n```\n',
  ].join('\n')

  it('is found, with the line of each fault', async () => {
    const faults = (await run(page)).map((outcome) => faultOf(outcome)?.split('\n')[0])
    expect(faults).toEqual([
      'line 5 shows:',
      'line 9 says it prints:',
      'line 13 failed:',
      'line 18 not reached:',
    ])
    const sound = page.replace('102', '1…1').replace(': 3', ': 2').replace('wrong', '$KEY')
    expect((await run(sound)).map(faultOf)).toEqual([undefined, undefined, undefined, undefined])
  })

  it('cannot hide a block behind its info string', () => {
    for (const info of ['sh no-run', 'sh later', 'ruby', 'json answer', ''])
      expect(() => blocksOf(`\`\`\`${info}\nputs 1\n\`\`\`\n`)).toThrow(/^line 1: /)
    expect(syntaxFaultOf({ line: 1, language: 'sh', code: 'if true', noRun: 'x' }, {})).not.toBe('')
    expect(syntaxFaultOf({ line: 1, language: 'js', code: 'const = 1', noRun: 'x' }, {})).not.toBe('')
    expect(isShownAs('{ "a": "…", "b": […] }', '{"a":"x y","b":[1,2]}', 'json')).toBe(true)
    expect(isShownAs('Age: …\n', 'Age: 3\nx', 'text')).toBe(true)
    expect(isShownAs('Age: 4', 'Age: 44', 'text')).toBe(false)
  })
})
