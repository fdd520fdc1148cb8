import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { parseClients } from '../src/access/keys.ts'
import { stopEverything, track } from './support/children.ts'

afterAll(stopEverything)

const create = async (...args: string[]) => {
  const child = spawn(process.execPath, [
    join(import.meta.dirname, '../dist/cli.js'),
    'keys',
    'create',
    ...args,
  ])
  const texts = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text
    })
  return { ...(await track(child)), ...texts }
}
const crm = ['--id', 'crm']

describe('keys create', () => {
  it('takes exactly the limits that the gateway takes', async () => {
    for (const limit of ['1', '10000000']) {
      const { code, stdout } = await create(...crm, '--requests-per-minute', limit)
      expect([code, parseClients(`{"clients":[${stdout}]}`, false, Date.now()).faults]).toEqual([0, []])
    }
  })

  it('makes an entry that the file of callers takes, for no organization unless asked', async () => {
    const { code, stdout, stderr } = await create(...crm, '--expires-at', '2999-01-01T00:00:00+02:00')
    const { entries, faults } = parseClients(`{"clients":[${stdout}]}`, false, Date.now())
    expect([code, faults, entries[0]?.organizations]).toEqual([0, [], []])
    expect(stderr).toMatch(/^The key may touch no organization: --organizations was not given\.\n/)
    const all = await create(...crm, '--organizations', '*')
    expect([JSON.parse(all.stdout).organizations, all.stderr]).toEqual([
      '*',
      expect.stringMatching(/^The key/),
    ])
  })

  it('names every argument that is wrong, and makes nothing', async () => {
    const wrong = [
      '--organizations',
      '24,2147483648',
      '--expires-at',
      '2020-01-01T00:00:00Z',
      '--scopes',
      'x',
    ]
    const { code, stdout, stderr } = await create(...crm, ...wrong)
    expect([code, stdout]).toEqual([64, ''])
    for (const name of ['--organizations', '--expires-at', '--scopes']) expect(stderr).toContain(`${name}: `)
  })

  it.each([
    ['--organizations 1e1', '--requests-per-minute 0', '--expires-at 2999-01-01', '--id no spaces'],
    ['--organizations 06', '--requests-per-minute -1', '--expires-at Jan 1 2999', `--id ${'a'.repeat(65)}`],
    ['--organizations 0', '--requests-per-minute 1.5', '--scopes operators:raed'],
    ['--organizations 2147483648', '--requests-per-minute many'],
    ['--requests-per-minute 10000001'],
  ])('refuses %s %s %s %s', async (...wrong) => {
    const options = wrong.map((text) => text.split(/ (.*)/, 2) as [string, string])
    const { code, stdout, stderr } = await create(...crm, ...options.flat())
    expect([code, stdout]).toEqual([64, ''])
    for (const [name] of options) expect(stderr).toMatch(new RegExp(`^${name}: wanted: `, 'm'))
  })
})
