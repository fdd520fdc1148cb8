import { setTimeout as sleep } from 'node:timers/promises'
import { createDice } from '../fuzz/dice.ts'
import type { Asking } from './asking.ts'
import type { Fleet, Slot } from './fleet.ts'

// The promise is 1 s after the change was read. A machine that is busy with other work may be late.
const revokedWithinSeconds = 10

/** Of the simulator; each lasts for some seconds and hits about half of the requests. */
const answersOfChatHub: Record<string, object> = {
  'ChatHub answers 500': { mode: 'status', status: 500 },
  'ChatHub answers 429': { mode: 'status', status: 429, headers: { 'retry-after': '1' } },
  'ChatHub is slow': { mode: 'delay', ms: 1500 },
  'ChatHub loses answers': { mode: 'drop-response' },
  'ChatHub applies and answers 503': { mode: 'crash-5xx-after-apply', status: 503 },
  'ChatHub cuts answers': { mode: 'broken-2xx' },
  'ChatHub resets connections': { mode: 'reset' },
  'ChatHub applies adds 3 s late': { mode: 'late-apply', ms: 3000, route: 'synchronize' },
}

type Parts = { fleet: Fleet; asking: Asking; seed: number; isWriting: () => boolean; isOver: () => boolean }

/**
 * Faults one after the other, in a random order in which each kind comes once before any comes again. Resolves when the
 * load ends and everything runs again.
 */
export const createFaults = ({ fleet, asking, seed, isWriting, isOver }: Parts) => {
  const dice = createDice(seed)
  const { redis, simulator, slots } = fleet
  const counts = new Map<string, number>()
  const flushes: number[] = []
  let isFrozen = false
  const pause = (min: number, max: number): Promise<void> => sleep(min + dice.below(max - min))

  const kinds: Record<string, () => Promise<unknown>> = {
    'FLUSHALL during writes': async () => {
      for (let i = 0; i < 1 + dice.below(3); i++) {
        for (let tries = 0; !isWriting() && tries < 500; tries++) await sleep(10)
        flushes.push(performance.now())
        await redis
          .client({ maxRetriesPerRequest: 1 })
          .flushall()
          .catch(() => {})
        await pause(50, 1500)
      }
    },
    'ChatHub frozen': async () => {
      isFrozen = true
      simulator.signal('SIGSTOP')
      await pause(4000, 15_000)
      simulator.signal('SIGCONT')
      // What the kernel held meanwhile is read at once now, so it says nothing about the budget.
      await sleep(1000)
      await fleet.control('DELETE', 'arrivals').catch(() => {})
      isFrozen = false
    },
    'Redis stopped for 10 s': async () => {
      redis.pause()
      await sleep(10_000)
      redis.resume()
    },
    'Redis killed and restarted': async () => {
      await redis.kill()
      await pause(500, 4000)
      await redis.restart()
    },
    'an instance killed and restarted': () => fleet.replace(slots[1], 'SIGKILL', () => pause(200, 3000)),
    'an instance stopped and restarted': () => fleet.replace(slots[1], 'SIGTERM', () => pause(0, 500)),
    'the file of keys replaced': async () => {
      const old = await fleet.addKey()
      const statusOf = async (slot: Slot, key: string) =>
        (await asking.ask('a new or old key', 'GET', '/v1/me', { key, slot }))?.status
      const everyone = async (key: string, status: number): Promise<boolean> => {
        const seen = await Promise.all(slots.map((slot) => (slot.isUp ? statusOf(slot, key) : status)))
        return seen.every((each) => each === undefined || each === status)
      }
      while (!(await everyone(fleet.nextKey(), 200))) await sleep(200)
      fleet.useNextKey()
      // Requests with the old key are answered by then: a write that waits longer than its deadline is none.
      await sleep(16_000)
      await fleet.dropOldKeys()
      const droppedAt = performance.now()
      while (!(await everyone(old, 401))) await sleep(200)
      const seconds = (performance.now() - droppedAt) / 1000
      if (seconds > revokedWithinSeconds) asking.fault('a revoked key works too long', `${seconds} s`)
    },
    'the company token revoked': () => fleet.control('POST', 'revoke', {}),
  }
  for (const [name, fault] of Object.entries(answersOfChatHub))
    kinds[name] = async () => {
      await fleet.control('POST', 'faults', { ...fault, probability: dice.pick([0.2, 0.5, 1]) })
      await pause(3000, 9000)
      await fleet.control('DELETE', 'faults')
    }

  const inject = async (name: string): Promise<void> => {
    process.stdout.write(`${asking.seconds().toFixed(0)} s: ${name}\n`)
    counts.set(name, (counts.get(name) ?? 0) + 1)
    await kinds[name]?.().catch((error: Error) => asking.fault('the soak itself', error.stack))
  }
  let deck: string[] = []
  const run = async (): Promise<void> => {
    const draw = (): string => {
      if (deck.length === 0) deck = Object.keys(kinds)
      return deck.splice(dice.below(deck.length), 1)[0] as string
    }
    while (!isOver()) {
      const [name, second] = [draw(), dice.chance(0.25) ? draw() : undefined]
      await Promise.all([inject(name), second && inject(second)])
      await pause(2000, 9000)
    }
  }
  return {
    run,
    counts,
    flushedBetween: (from: number, to: number): boolean => flushes.some((at) => at >= from && at <= to),
    isFrozen: () => isFrozen,
  }
}
