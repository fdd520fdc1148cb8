import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { watchFile } from '../src/watch-file.ts'

let folder: string
let path: string
let tick: () => Promise<void>
let watched: { changed: string[]; kept: string[] }
let close: () => void

/** A clock whose timers are run by the test. */
const handClock = () => {
  let timers: (() => unknown)[] = []
  return {
    clock: {
      now: () => 0,
      wall: () => 0,
      after: (_ms: number, run: () => void) => {
        timers.push(run)
        return () => {
          timers = timers.filter((timer) => timer !== run)
        }
      },
    },
    tick: async () => {
      await Promise.all(timers.splice(0).map((run) => run()))
    },
    waiting: () => timers.length,
  }
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'watch-file-'))
  path = join(folder, 'secret')
  await writeFile(path, 'one')
  const hand = handClock()
  tick = hand.tick
  watched = { changed: [], kept: [] }
  ;({ close } = watchFile({
    path,
    current: 'one',
    clock: hand.clock,
    changed: (text) => {
      if (text === 'bad') throw new Error('is bad')
      watched.changed.push(text)
    },
    kept: (reason) => watched.kept.push(reason),
  }))
})
afterEach(() => rm(folder, { recursive: true }))

describe('a watched file', () => {
  it('hands over its text after each change, and nothing while it stays the same', async () => {
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

  it('is kept, and the reason told once, while its content is refused or cannot be read', async () => {
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

  it('is not read any more after close', async () => {
    close()
    await writeFile(path, 'two')
    await tick()
    expect(watched).toEqual({ changed: [], kept: [] })
  })
})
