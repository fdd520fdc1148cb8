import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from '@jest/globals'
import { isLong } from '../support/long.ts'

const script = fileURLToPath(new URL('run.mjs', import.meta.url))
const bench = async (...args: string[]) =>
  (await promisify(execFile)(process.execPath, [script, ...args])).stdout

/** That the harness runs and what it counts; how fast anything is depends on the machine and its other guests. */
describe('npm run bench', () => {
  it('counts one call for a thousand readers of a cold list, and finds people', async () => {
    const all = isLong ? ['herd', 'search', 'queue'] : ['herd', 'search']
    const { herd, search, queue } = JSON.parse(await bench(...all, '--short', '--json'))
    expect(herd).toMatchObject([{ server: 'gateway', calls: 1, 'answered 200': '1000 of 1000' }])
    expect(search).toMatchObject([{ searches: 30, found: expect.any(Number) }])
    expect(search[0].found).toBeGreaterThan(0)
    if (isLong) expect(queue).toHaveLength(4)
  })

  it('prints the machine, the versions, the command and a table with ratios to bare', async () => {
    const text = await bench('hit', '--short', '--only', 'gateway')
    expect(text).toMatch(/^Node 2\d\.\d+\.\d+ \(V8 .*express 5\./m)
    expect(text).toContain('npm run bench -- hit --short --only gateway')
    expect(text).toMatch(/^\| bare .*\| 1\.00 +\|$/m)
    expect(text).toMatch(/^\| gateway .*\| \d+\.\d\d +\|$/m)
  })

  it('says which questions there are when it is asked another', async () => {
    await expect(bench('speed')).rejects.toMatchObject({ code: 64, stderr: expect.stringContaining('hit,') })
  })
})
