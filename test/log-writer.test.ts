import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, it } from '@jest/globals'
import { stopChild, track } from './support/children.ts'

const logWriter = join(import.meta.dirname, '../dist/log-writer.js')
const children: ChildProcess[] = []
afterEach(async () => {
  for (const child of children.splice(0)) await stopChild(child)
})

/** Starts a process that writes log lines to its stdout. */
const run = (work: string, stdout: 'pipe' | number) => {
  const program = `import { openLogWriter } from ${JSON.stringify(logWriter)}
    const writer = openLogWriter()
    const write = (count, text) => { for (let i = 0; i < count; i++) writer.write(i + ' ' + text + '\\n') }
    ${work}`
  const child = spawn(process.execPath, ['--expose-gc', '--input-type=module', '-e', program], {
    stdio: ['ignore', stdout, 'pipe'],
  })
  children.push(child)
  let stderr = ''
  child.stderr?.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  return { child, ended: track(child), stderr: () => stderr }
}
const readAll = async ({ stdout }: ChildProcess): Promise<string> => {
  let text = ''
  for await (const chunk of stdout?.setEncoding('utf8') ?? []) text += chunk
  return text
}
const lines = (count: number, text: string): string =>
  Array.from({ length: count }, (_, i) => `${i} ${text}\n`).join('')

it.each([
  ['short lines', 20_000, 'Олена 🎧 x'],
  ['lines longer than one chunk', 3, 'ї'.repeat(30_000)],
])('all lines are written whole and in order: %s', async (_name, count, text) => {
  const { child, ended } = run(
    `write(${count}, ${JSON.stringify(text)}); await writer.drained(); process.exit()`,
    'pipe',
  )
  expect(await readAll(child)).toBe(lines(count, text))
  expect(await ended).toEqual({ code: 0, signal: null })
})

it('buffered lines are written at the exit', async () => {
  const { child } = run(`write(3, 'last'); process.exit()`, 'pipe')
  expect(await readAll(child)).toBe(lines(3, 'last'))
})

it('a full disk causes no error and does not delay the exit', async () => {
  const full = openSync('/dev/full', 'w')
  const { ended, stderr } = run(
    `write(1000, 'lost'); await writer.drained(); write(1000, 'lost too'); console.error('continues'); process.exit()`,
    full,
  )
  closeSync(full)
  expect([await ended, stderr()]).toEqual([{ code: 0, signal: null }, 'continues\n'])
})

it('a reader that hangs does not delay the exit, and the buffer for it is bounded', async () => {
  const { child, ended, stderr } = run(
    `for (let i = 0; i < 40; i++) { write(1000, 'x'.repeat(1000)); await new Promise(setImmediate) }
    gc(); console.error(process.memoryUsage().external); await writer.drained(); process.exit()`,
    'pipe',
  )
  child.stdout?.pause()
  await once(child, 'exit')
  child.stdout?.resume()
  expect(await ended).toEqual({ code: 0, signal: null })
  expect(Number(stderr())).toBeGreaterThan(0)
  expect(Number(stderr()) / 2 ** 20).toBeLessThan(30) // of 40 MB
})
