import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, fetch, type Headers } from 'undici'
import type { Dice } from '../fuzz/dice.ts'
import type { Fleet, Slot } from './fleet.ts'

export type Answer = {
  status: number
  headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: bodies of many endpoints
  json: any
  slot: Slot
}
type Ask = {
  body?: unknown
  headers?: Record<string, string>
  /** Undefined: the key of the client. */
  key?: string | null
  slot?: Slot
  /** How long an answer is waited for. */
  withinMs?: number
  /** The lists that the answer is made of. Once an instance has answered with them, it must not fail. */
  from?: string[]
}

/** A write is answered by its deadline, which is 15 s. The rest is for a machine that is busy with other work. */
const lateMs = 16_000
const answerWithinMs = 120_000

/** Sends requests, counts answers by action and status, and collects what must not happen. */
export const createAsking = (fleet: Fleet, dice: Dice) => {
  const statuses = new Map<string, Map<string, number>>()
  const faults = new Map<string, { times: number; first: string }>()
  const known = new Set<string>()
  const startedAt = performance.now()
  let readsOfKnown = 0
  const open = new Map<Slot, number>()
  // Without a bound: a request that waits for a connection here would count as late there.
  const connect = () => new Agent({ connections: null, keepAliveMaxTimeout: 4000 })
  let connections = connect()

  const fault = (what: string, detail = ''): void => {
    const at = `${Math.round((performance.now() - startedAt) / 1000)} s`
    const before = faults.get(what) ?? { times: 0, first: `${at} ${detail}`.slice(0, 500) }
    if (before.times === 0) process.stdout.write(`BROKEN ${what}: ${before.first}\n`)
    faults.set(what, { ...before, times: before.times + 1 })
  }
  const count = (action: string, status: string): void => {
    const counts = statuses.get(action) ?? new Map<string, number>()
    statuses.set(action, counts.set(status, (counts.get(status) ?? 0) + 1))
  }
  const openAt = (slot: Slot): number => open.get(slot) ?? 0
  const anySlot = (): Slot => {
    const up = fleet.slots.filter(({ isUp }) => isUp)
    return dice.pick(up.length > 0 ? up : fleet.slots)
  }

  /** Undefined: the connection was lost with its instance. */
  const ask = async (
    action: string,
    method: string,
    path: string,
    options: Ask = {},
  ): Promise<Answer | undefined> => {
    const {
      body,
      headers,
      key = fleet.key(),
      slot = anySlot(),
      from = [],
      withinMs = answerWithinMs,
    } = options
    const { life, isUp } = slot
    const names = from.map((list) => `${slot.url} ${life} ${list}`)
    const askedAt = performance.now()
    const isKnown = from.length > 0 && names.every((name) => known.has(name))
    open.set(slot, openAt(slot) + 1)
    try {
      const response = await fetch(slot.url + path, {
        method,
        headers: {
          ...(key !== null && { 'X-API-Key': key }),
          ...(body !== undefined && typeof body !== 'string' && { 'Content-Type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
        signal: AbortSignal.timeout(withinMs),
        dispatcher: connections,
      })
      const text = await response.text()
      const isJson = response.headers.get('content-type')?.includes('json') && text !== ''
      // biome-ignore lint/suspicious/noExplicitAny: bodies of many endpoints
      const json: any = isJson ? JSON.parse(text) : undefined
      const { status } = response
      count(action, `${status}${status >= 400 ? ` ${json?.code ?? ''}` : ''}`)
      if (isKnown) readsOfKnown++
      const tookMs = performance.now() - askedAt
      if (tookMs > lateMs && status !== 200)
        fault(`${action}: answered too late`, `${(tookMs / 1000).toFixed(1)} s, ${text}`)
      if (status === 500) fault(`${action}: 500`, text)
      else if (isKnown && status > 500) fault(`${action}: ${status} for a known list`, text)
      if (status < 400) for (const name of names) known.add(name)
      return { status, headers: response.headers, json, slot }
    } catch (error) {
      const isGone = !isUp || !slot.isUp || slot.life !== life
      count(action, isGone ? 'instance gone' : 'no answer')
      const { message, cause } = error as Error
      if (!isGone) fault(`${action}: no answer from a running instance`, `${message} ${cause}`)
      return undefined
    } finally {
      open.set(slot, openAt(slot) - 1)
    }
  }

  return {
    ask,
    fault,
    anySlot,
    /** Requests that this instance has not answered yet. */
    openAt,
    other: (slot: Slot): Slot => fleet.slots.find((each) => each !== slot) as Slot,
    /** As long as the answer asks for, at most 2 s. */
    pauseAfter: (answer: Answer | undefined): Promise<void> =>
      sleep(Math.min(2, Number(answer?.headers.get('retry-after') ?? 0.5)) * 1000),
    /** Closes the connections once nothing is under way. */
    rest: async (): Promise<void> => {
      const old = connections
      connections = connect()
      await old.close()
    },
    statuses,
    faults,
    readsOfKnown: () => readsOfKnown,
    seconds: () => (performance.now() - startedAt) / 1000,
  }
}
export type Asking = ReturnType<typeof createAsking>
