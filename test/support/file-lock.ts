import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Runs `work` while this process holds the lock file `path`; other processes (jest has two workers) wait for it.
 * A lock whose owner is dead is taken over. Two waiters may, once in a blue moon, both take over the same dead lock;
 * so `work` must publish its result with one rename, which makes doing it twice harmless.
 * @throws when the lock was not had within `withinMs` milliseconds.
 */
export const withFileLock = <T>(path: string, withinMs: number, work: () => T): T => {
  mkdirSync(dirname(path), { recursive: true })
  const mine = `${path}.${process.pid}`
  // Written first and linked after: a lock never exists without its owner's pid in it.
  writeFileSync(mine, String(process.pid))
  try {
    const until = performance.now() + withinMs
    while (!tryLink(mine, path)) {
      if (!isAlive(ownerOf(path))) rmSync(path, { force: true })
      else if (performance.now() > until) throw new Error(`${path} is held by process ${ownerOf(path)}`)
      else sleepSync(100)
    }
    try {
      return work()
    } finally {
      rmSync(path, { force: true })
    }
  } finally {
    rmSync(mine, { force: true })
  }
}

const tryLink = (from: string, to: string): boolean => {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

const ownerOf = (path: string): number => {
  try {
    return Number(readFileSync(path, 'utf8'))
  } catch {
    return 0 // released between two looks
  }
}

const isAlive = (pid: number): boolean => {
  if (!(pid > 0)) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Blocks the thread: whether a suite can run is decided while its file is being read, before anything may wait. */
const sleepSync = (ms: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}
