import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { watchFile } from '../src/watch-file.ts'
import { until } from './support/until.ts'

let folder: string
let path: string
let tick: () => Promise<void>
let watched: { changed: string[]; kept: string[] }
let stop: () => void

/** A clock whose timers are run by the test. */
const handClock = () => {
  const timers = new Set<() => unknown>()
  const after = (_ms: number, run: () => void) => {
    timers.add(run)
    return () => timers.delete(run)
  }
  return { clock: { now: () => 0, wall: () => 0, after }, timers }
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'watch-file-'))
  path = join(folder, 'secret')
  await writeFile(path, 'one')
  const { clock, timers } = handClock()
  const stopping = new AbortController()
  let hasEnded = false
  watched = { changed: [], kept: [] }
  const watching = watchFile({
    path,
    clock,
    signal: stopping.signal,
    changed: (text) => {
      if (text === 'bad') throw new Error('is bad')
      watched.changed.push(text)
    },
    kept: (reason) => watched.kept.push(reason),
  })
  void watching.then(() => {
    hasEnded = true
  })
  tick = async () => {
    for (const run of [...timers]) run()
    await until(() => hasEnded || timers.size > 0)
  }
  stop = () => stopping.abort()
  await tick()
  expect(watched.changed.splice(0)).toEqual(['one'])
})
afterEach(async () => {
  stop()
  await rm(folder, { recursive: true })
})

describe('a watched file', () => {
  it('passes its text on after each change, and nothing while it stays the same', async () => {
    await tick()
    expect(watched).toEqual({ changed: [], kept: [] })
    await writeFile(path, 'two')
    await tick()
    await tick()
    expect(watched).toEqual({ changed: ['two'], kept: [] })
  })

  it('is seen when another file is renamed over it', async () => {
    await writeFile(`${path}.new`, 'three')
    await rename(`${path}.new`, path)
    await tick()
    expect(watched.changed).toEqual(['three'])
  })

  it('is not applied while its content is refused or cannot be read, and the reason is reported once', async () => {
    await writeFile(path, 'bad')
    await tick()
    await tick()
    expect(watched).toEqual({ changed: [], kept: ['is bad'] })
    await rm(path)
    await tick()
    await tick()
    expect(watched.kept).toEqual(['is bad', 'cannot be read (ENOENT)'])
    await writeFile(path, 'good')
    await tick()
    expect(watched.changed).toEqual(['good'])
  })

  it('is not read after it was stopped', async () => {
    stop()
    await writeFile(path, 'two')
    await tick()
    expect(watched).toEqual({ changed: [], kept: [] })
  })
})
