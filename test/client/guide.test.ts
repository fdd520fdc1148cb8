import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from '@jest/globals'
import { startSimulator } from '../../src/apps/demo/start-simulator.ts'
import { createFakeClient } from '../../src/client/fake-client.ts'

const project = fileURLToPath(new URL('../..', import.meta.url))

/** The blocks of a page that a program in Node can run, as one program. Each block but the first has a scope of its own. */
const programOf = (text: string): { program: string; printed: string[] } => {
  const blocks = [...text.matchAll(/^```js\n(.*?)^```/gms)].map(([, block = '']) => block)
  const imports = [...new Set(blocks.join('\n').match(/^import .*$/gm))]
  const bodies = blocks.map((block) => block.replaceAll(/^import .*$/gm, ''))
  const [first = '', ...rest] = bodies
  const printed = blocks.flatMap((block) =>
    [...block.matchAll(/\/\/ prints: (.*)$/gm)].flatMap(([, said = '']) =>
      // A loop prints one line for each.
      /^\d+(, \d+)+$/.test(said) ? said.split(', ') : [said],
    ),
  )
  return { program: [...imports, first, ...rest.map((body) => `{\n${body}}`)].join('\n'), printed }
}

/** Runs the blocks against a gateway of their own. Node finds the package by its name, as where it is installed. */
const run = async (page: string): Promise<{ lines: string[]; printed: string[] }> => {
  const simulation = await startSimulator()
  const text = readFileSync(`${project}/${page}`, 'utf8')
  const { program, printed } = programOf(text.replaceAll('http://127.0.0.1:8080', simulation.url))
  const env = { ...process.env, GATEWAY_URL: simulation.url, KEY: simulation.key }
  const parameters = ['--input-type=module', '-e', program]
  const { stdout } = await promisify(execFile)(process.execPath, parameters, { cwd: project, env })
  await simulation.close()
  return { lines: stdout.trim().split('\n'), printed }
}

it('every block of the guide for Node runs, and prints what it says', async () => {
  const { lines, printed } = await run('docs/guides/client.md')
  expect(printed.length).toBeGreaterThan(10)
  expect(lines).toEqual(printed)
})

it('the guide names every function of the client', () => {
  const text = readFileSync(`${project}/docs/guides/client.md`, 'utf8')
  const rows = [...text.matchAll(/^\| `([a-z]+)` \| (`.*`) \|$/gm)].map(
    ([, group, names = '']): [string, string[]] => [
      group as string,
      names.replaceAll('`', '').split(', ').toSorted(),
    ],
  )
  const groups = Object.entries(createFakeClient()).filter(([name]) => !['fetch', 'fake'].includes(name))
  const functions = groups.map(([group, members]) => [group, Object.keys(members).toSorted()])
  expect(rows.toSorted()).toEqual(functions.toSorted())
})

it('every block of the README in JavaScript runs', async () => {
  expect((await run('README.md')).lines.slice(0, 2)).toEqual(['101 John Smith', '102 Sarah Johnson'])
})
