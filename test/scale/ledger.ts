import { type Cost, commandBytes, noCost, type Reply, replyBytes } from './cost.ts'

export const prefix = 'chathub:'

type Word = string | number | Buffer

/** Adds up what the model says that instances send. */
export const createLedger = () => {
  let cost: Cost = { ...noCost }
  let steps = new Map<string, number>()
  const add = (name: string, part: Partial<Cost>, times = 1): void => {
    steps.set(name, (steps.get(name) ?? 0) + times)
    for (const [kind, value] of Object.entries(part)) cost[kind as keyof Cost] += value * times
  }
  return {
    /** A command outside scripts. `times` may be a fraction: the rate of what is sent now and then. */
    command: (name: string, words: readonly Word[], reply: Reply, times = 1): void =>
      add(name, { sent: 1, bytesIn: commandBytes(words), bytesOut: replyBytes(reply) }, times),
    /** A script, called by its hash, with the number of commands that it runs. Keys without the prefix. */
    script: (
      name: string,
      { keys, args, reply, inside }: { keys: string[]; args: Word[]; reply: Reply; inside: number },
      times = 1,
    ): void => {
      const words = ['evalsha', 'x'.repeat(40), keys.length, ...keys.map((key) => prefix + key), ...args]
      add(name, { sent: 1, inside, bytesIn: commandBytes(words), bytesOut: replyBytes(reply) }, times)
    },
    /** A message that so many subscribers get. */
    pushed: (channel: string, message: string, receivers: number): void => {
      cost.bytesOut += receivers * replyBytes(['message', channel, message])
    },
    request: (): void => {
      cost.requests++
    },
    take: (): { cost: Cost; steps: Map<string, number> } => {
      const taken = { cost, steps }
      cost = { ...noCost }
      steps = new Map()
      return taken
    },
  }
}

export type Ledger = ReturnType<typeof createLedger>
