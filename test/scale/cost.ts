/** What something costs. Bytes are those of Redis: `bytesIn` what it receives, `bytesOut` what it sends. */
export type Cost = {
  /** Commands that instances send. A script is one, and so is a confirmation. */
  sent: number
  /** Commands that scripts run inside Redis. */
  inside: number
  /** Requests that arrive at ChatHub. */
  requests: number
  bytesIn: number
  bytesOut: number
}
export const kinds = ['sent', 'inside', 'requests', 'bytesIn', 'bytesOut'] as const satisfies (keyof Cost)[]

export const noCost: Cost = { sent: 0, inside: 0, requests: 0, bytesIn: 0, bytesOut: 0 }
/** Each kind by itself. */
export const medianOf = (costs: readonly Cost[]): Cost =>
  Object.fromEntries(
    kinds.map((kind) => {
      const sorted = costs.map((cost) => cost[kind]).toSorted((a, b) => a - b)
      return [kind, sorted[Math.floor(sorted.length / 2)] ?? 0]
    }),
  ) as Cost
export const times = (cost: Cost, factor: number): Cost =>
  Object.fromEntries(kinds.map((kind) => [kind, cost[kind] * factor])) as Cost

type Word = string | number | Buffer
/** An answer of Redis as RESP3 carries it: `{ status }` is a simple string, `{ map }` has its fields. */
export type Reply = null | number | string | Buffer | { status: string } | { map: Word[] } | Reply[]

const lengthOf = (word: Word): number =>
  typeof word === 'number' ? String(word).length : Buffer.byteLength(word)
const bulkBytes = (word: Word): number => {
  const length = lengthOf(word)
  return 1 + String(length).length + 2 + length + 2
}

/** Bytes of a command: an array of bulk strings. */
export const commandBytes = (words: readonly Word[]): number =>
  words.reduce<number>((sum, word) => sum + bulkBytes(word), 3 + String(words.length).length)

export const replyBytes = (reply: Reply): number => {
  if (reply === null) return 3
  if (typeof reply === 'number') return 3 + String(reply).length
  if (typeof reply === 'string' || Buffer.isBuffer(reply)) return bulkBytes(reply)
  if (Array.isArray(reply))
    return reply.reduce<number>((sum, one) => sum + replyBytes(one), 3 + String(reply.length).length)
  if ('status' in reply) return 3 + reply.status.length
  return reply.map.reduce<number>((sum, one) => sum + bulkBytes(one), 3 + String(reply.map.length / 2).length)
}
