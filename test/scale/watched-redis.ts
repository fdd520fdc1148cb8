import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import type { TestRedis } from '../support/redis.ts'
import { type Cost, commandBytes, noCost } from './cost.ts'

/** What instances do by themselves, whether or not somebody asks them for something. */
const background =
  /^(coherenceHeartbeat|ping|info|hgetall switches|zrange journal|zremrangebyscore journal|time|smembers journal|refreshRates|webhooksClaim|eventsSeen|set key-used|usageAdd)$/

/** `bytesIn`: of these commands. `bytesOut`: of their answers, and of messages to subscribers; counted for work alone. */
type Counts = { sent: number; inside: number; bytesIn: number; bytesOut: number; steps: Map<string, number> }
const noCounts = (): Counts => ({ sent: 0, inside: 0, bytesIn: 0, bytesOut: 0, steps: new Map() })
/** MONITOR shows bytes that are no text as `\\x00`, and some others behind a backslash. */
const unescaped = (arg: string): Buffer => Buffer.from(arg.replaceAll(/\\(?:x[0-9a-f]{2}|.)/g, '.'), 'latin1')

/**
 * Counts what Redis runs and carries: commands by MONITOR, which shows them after each other with those of scripts behind their
 * script; bytes by INFO, less those of MONITOR itself. Answers to work are told by reply-meter.ts: those to what instances ask by
 * themselves differ in length, so no mean of them can be subtracted. `nameOf`: the name of a script by its hash.
 */
export const watchRedis = async (redis: TestRedis, nameOf: (hash: string) => string, isWatched: boolean) => {
  const control = redis.client()
  await control.ping()
  let work = noCounts()
  let all = noCounts()
  let lastWorkAt = performance.now()
  let current: { isWork: boolean } = { isWork: false }
  let marks = 0
  const awaited = new Map<string, () => void>()
  /** Keys of operations that a sweep may find. */
  const records = new Set<string>()

  const stepOf = ([command = '', ...args]: string[]): string => {
    const name = command.toLowerCase()
    if (name === 'evalsha' || name === 'eval') return nameOf(args[0] ?? '')
    const [, family] = /^chathub:(?!\{gateway\})([a-z-]+)/.exec(args[0] ?? '') ?? []
    return family ? `${name} ${family}` : name
  }
  /** Nobody else asks for an operation here, once there is one. */
  const isWork = (step: string, key = ''): boolean =>
    !background.test(step) && !(step === 'get journal' && records.has(key))
  const ran = (source: string, args: string[]): void => {
    if (source === 'lua') {
      all.inside++
      if (current.isWork) work.inside++
      return
    }
    if (args[0] === 'echo') {
      awaited.get(args[1] ?? '')?.()
      return
    }
    if (args[0] === 'info' && args[1] === 'stats') return
    const step = stepOf(args)
    const [, , , key = '', , , , , record = ''] = args
    if (/^journal(Create|Save)$/.test(step) && record !== '') records.add(key)
    current = { isWork: isWork(step, args[1]) }
    for (const counts of current.isWork ? [all, work] : [all]) {
      counts.sent++
      counts.bytesIn += commandBytes(args.map(unescaped))
      counts.steps.set(step, (counts.steps.get(step) ?? 0) + 1)
    }
    if (current.isWork && step !== 'eventsRead') lastWorkAt = performance.now()
  }
  const monitor = isWatched ? await openMonitor(redis.port, ran) : undefined
  /** Resolves when MONITOR has shown everything that Redis has run until now. */
  const shown = async (): Promise<void> => {
    if (!monitor) return
    const mark = `mark ${++marks}`
    const seen = new Promise<void>((resolve) => awaited.set(mark, resolve))
    await control.echo(mark)
    await seen
    awaited.delete(mark)
  }
  const carried = async (): Promise<{ bytesIn: number; bytesOut: number }> => {
    await shown()
    const toMonitor = monitor?.bytesRead ?? 0
    const { bytesRead: toUs, bytesWritten: byUs } = streamOf(control)
    const text = await control.info('stats')
    const read = (name: string): number => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(text)?.[1])
    return {
      bytesIn: read('total_net_input_bytes') - byUs,
      bytesOut: read('total_net_output_bytes') - toMonitor - toUs,
    }
  }
  let before = await carried()
  let since = performance.now()

  return {
    /** An answer of Redis, or a message to a subscriber. */
    answered: (words: string[] | undefined, bytes: number): void => {
      if (!words || isWork(stepOf(words), words[1])) work.bytesOut += bytes
    },
    /** Resolves when no instance has done anything for a while but what it does by itself. */
    quiet: async (): Promise<void> => {
      do await sleep(60)
      while (performance.now() - lastWorkAt < 60)
    },
    /** What happened since the last call. Bytes are of everything. */
    taken: async (): Promise<{ work: Counts; all: Counts; bytes: Cost; seconds: number }> => {
      const after = await carried()
      const seconds = (performance.now() - since) / 1000
      const bytes: Cost = {
        ...noCost,
        bytesIn: after.bytesIn - before.bytesIn,
        bytesOut: after.bytesOut - before.bytesOut,
      }
      before = after
      since = performance.now()
      const taken = { work, all, bytes, seconds }
      work = noCounts()
      all = noCounts()
      return taken
    },
    info: (section: string): Promise<string> => control.info(section),
    close: (): void => void monitor?.destroy(),
  }
}

const streamOf = (client: Redis): { bytesRead: number; bytesWritten: number } =>
  (client as unknown as { stream: { bytesRead: number; bytesWritten: number } }).stream

/** Tells of each command that Redis runs, in order. `source`: `lua` for those of scripts. */
const openMonitor = async (port: number, ran: (source: string, args: string[]) => void): Promise<Socket> => {
  const socket = connect(port, '127.0.0.1')
  let text = ''
  socket.setEncoding('latin1').on('data', (data) => {
    const lines = (text + data).split('\r\n')
    text = lines.pop() ?? ''
    for (const line of lines) {
      const [head, source] = /^\+[\d.]+ \[\d+ (\S+)\] /.exec(line) ?? []
      if (!head || !source) continue
      const args = [...line.slice(head.length).matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, arg = '']) => arg)
      ran(source, args)
    }
  })
  socket.write('MONITOR\r\n')
  // From its first answer on, every command is shown.
  await once(socket, 'data')
  return socket
}
