import { spawn } from 'node:child_process'
import {
  closeSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { hashKey, parseClients } from '../../../src/access/keys.ts'
import { stopEverything, track } from '../../support/children.ts'
import { programOf } from '../../support/processes.ts'
import { runCli } from '../../support/run-cli.ts'

afterAll(stopEverything)

const folder = mkdtempSync(join(tmpdir(), 'cli-keys-'))
const file = join(folder, 'clients.json')
const keys = (verb: string, ...args: string[]) => runCli(['keys', verb, '--file', file, ...args])
const entries = () => {
  const read = parseClients(readFileSync(file, 'utf8'), false, Date.now())
  expect(read.faults).toEqual([])
  return read.entries
}

describe('keys --file', () => {
  it('makes a file for the owner alone, adds, rotates and revokes in it', async () => {
    const first = await keys('create', '--id', 'crm', '--organizations', '24')
    expect([first.code, statSync(file).mode & 0o777]).toEqual([0, 0o600])
    const second = await keys('create', '--id', 'desk', '--organizations', '*')
    expect(entries().map(({ keyHash }) => keyHash)).toEqual(
      [first, second].map(({ stdout }) => hashKey(stdout.trim())),
    )

    const rotated = await keys('rotate', '--id', 'crm', '--overlap-hours', '1')
    const [old, , fresh] = entries()
    expect(Date.parse(old?.expiresAt ?? '') - Date.now()).toBeLessThanOrEqual(3_600_000)
    expect(fresh).toMatchObject({ id: 'crm', keyHash: hashKey(rotated.stdout.trim()), organizations: [24] })
    expect(fresh?.expiresAt).toBeUndefined()

    const listed = (await keys('list')).stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(listed.map(({ id, key }) => [id, key])).toEqual(
      entries().map(({ id, keyHash }) => [id, keyHash.slice(0, 15)]),
    )
    expect((await keys('revoke', '--id', 'crm', '--hash', listed[0].key)).code).toBe(0)
    expect(entries().map(({ id }) => id)).toEqual(['desk', 'crm'])
    expect(readdirSync(folder)).toEqual(['clients.json'])
  })

  it('leaves the file of a command that began as soon as this one was done', async () => {
    const own = join(folder, 'next.json')
    // The file comes between the rename and whatever this command does then.
    const begin = `
      import fs from 'node:fs'
      import { syncBuiltinESMExports } from 'node:module'
      const { renameSync } = fs
      fs.renameSync = (from, to) => {
        renameSync(from, to)
        fs.writeFileSync(from, 'of the next one')
      }
      syncBuiltinESMExports()`
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(begin)}` }
    const made = await runCli(['keys', 'create', '--id', 'crm', '--file', own], env)
    expect([made.code, readFileSync(`${own}.new`, 'utf8')]).toEqual([0, 'of the next one'])
    for (const path of [own, `${own}.new`]) rmSync(path)
  })

  it('reads what PowerShell writes, and leaves a link to the file a link', async () => {
    const real = join(folder, 'real.json')
    writeFileSync(real, `\uFEFF{"clients":[]}`, 'utf16le')
    const link = join(folder, 'link.json')
    symlinkSync('real.json', link)
    expect((await runCli(['keys', 'create', '--id', 'crm', '--file', link])).code).toBe(0)
    expect(lstatSync(link).isSymbolicLink()).toBe(true)
    expect(JSON.parse(readFileSync(real, 'utf8')).clients).toMatchObject([{ id: 'crm' }])
  })

  it('rotates no key into one that has ended already', async () => {
    const old = join(folder, 'old.json')
    const client = { id: 'old', keyHash: hashKey('x'.repeat(32)), expiresAt: '2020-01-01T00:00:00Z' }
    writeFileSync(old, JSON.stringify({ clients: [client] }))
    const rotate = ['keys', 'rotate', '--file', old, '--id', 'old']
    const refused = await runCli(rotate)
    expect([refused.code, refused.stdout]).toEqual([64, ''])
    expect(refused.stderr).toMatch(
      /^--expires-at: the new key would have ended at 2020-01-01T00:00:00Z; wanted: /,
    )
    const { code, stderr } = await runCli([...rotate, '--expires-at', '2999-01-01T00:00:00Z'])
    expect([code, stderr]).toEqual([0, expect.stringContaining('The new one ends at 2999-01-01T00:00:00Z.')])
    const { entries: now } = parseClients(readFileSync(old, 'utf8'), false, Date.now())
    expect(now.map(({ expiresAt }) => expiresAt)).toEqual(['2020-01-01T00:00:00Z', '2999-01-01T00:00:00Z'])
  })

  it('says when its output is lost, as on a full disk', async () => {
    const full = openSync('/dev/full', 'w')
    const child = spawn(process.execPath, [programOf('cli'), 'keys', 'create', '--id', 'crm'], {
      stdio: ['ignore', full, 'pipe'],
    })
    let stderr = ''
    child.stderr?.on('data', (text) => {
      stderr += text
    })
    expect([(await track(child)).code, stderr]).toEqual([73, expect.stringContaining('written (ENOSPC)')])
    closeSync(full)
  })

  it('changes nothing when the file has a fault, or another command is at work', async () => {
    const before = readFileSync(file, 'utf8')
    writeFileSync(`${file}.new`, '')
    const busy = await keys('revoke', '--id', 'crm')
    expect([busy.code, busy.stderr]).toEqual([73, expect.stringContaining('another command is at work')])
    expect(readFileSync(file, 'utf8')).toBe(before)
    const wrong = join(folder, 'wrong.json')
    writeFileSync(wrong, '{"clients":[{"id":"crm","key":"x"}]}')
    const refused = await runCli(['keys', 'create', '--id', 'crm', '--file', wrong])
    expect([refused.code, refused.stdout]).toEqual([65, ''])
    expect(refused.stderr).toContain('/clients/0/key: not known; wanted: only id, keyHash')
    expect((await runCli(['keys', 'list', '--file', join(folder, 'none.json')])).code).toBe(66)
  })
})
