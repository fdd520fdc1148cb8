import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

/** How long a child may take over SIGTERM before SIGKILL, in ms. */
const graceMs = 30_000

const children = new Set<ChildProcess>()

export type Exit = { code: number | null; signal: NodeJS.Signals | null }

/**
 * Counts `child` as ours: `stopEverything` ends it, and it does not outlive this process however this ends.
 * Resolves when the child has gone and all it said is read; never rejects (what cannot be run has code -1).
 */
export const track = (child: ChildProcess): Promise<Exit> => {
  children.add(child)
  if (child.pid) tellGuard('add', child.pid)
  return new Promise((resolve) => {
    const gone = () => {
      children.delete(child)
      if (child.pid) tellGuard('drop', child.pid)
    }
    child.once('exit', gone)
    child.once('close', (code, signal) => resolve({ code, signal }))
    child.once('error', () => {
      gone()
      resolve({ code: -1, signal: null })
    })
  })
}

/** Kills every tracked child of this process. For `afterAll(stopEverything)`; harmless when called again. */
export const stopEverything = async (): Promise<void> => {
  await Promise.all(
    [...children].filter(isRunning).map((child) => {
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      return gone
    }),
  )
}

/** SIGTERM, and SIGKILL when that did not help within half a minute; a frozen child is woken so that it can obey. */
export const stopChild = async (child: ChildProcess): Promise<void> => {
  if (!isRunning(child)) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  child.kill('SIGCONT')
  const force = setTimeout(() => child.kill('SIGKILL'), graceMs)
  await gone
  clearTimeout(force)
}

export const isRunning = (child: ChildProcess): boolean =>
  child.pid !== undefined && child.exitCode === null && child.signalCode === null

/**
 * A shell that reads pids and kills those left when its input ends, that is when this process is gone.
 * An 'exit' listener would not do: jest hands tests a copied `process` that never emits, and a killed process
 * runs no listeners at all. The signals of a terminal's Ctrl-C reach the guard too and must not end it first.
 */
const GUARD = `trap '' INT TERM HUP
while read -r word pid; do
  case $word in
    add) pids="$pids $pid " ;;
    drop) pids=$(printf %s "$pids" | sed "s/ $pid / /") ;;
  esac
done
for pid in $pids; do kill -KILL "$pid" 2>/dev/null; done`

let guard: ChildProcess | undefined

const tellGuard = (word: 'add' | 'drop', pid: number): void => {
  if (!guard) {
    guard = spawn('/bin/sh', ['-c', GUARD], { stdio: ['pipe', 'ignore', 'ignore'] })
    // The guard must not keep this process waiting for it.
    guard.unref()
    ;(guard.stdin as unknown as { unref(): void }).unref()
  }
  guard.stdin?.write(`${word} ${pid}\n`)
}
