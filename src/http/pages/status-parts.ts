import type { Switches } from '../../contract/switches.ts'
import type { Upstream } from '../../contract/system.ts'

/** How a part of the gateway is, in words. */
type Finding = {
  /** `fault`: something does not work. `attention`: it works, and somebody should know. */
  level: 'ok' | 'attention' | 'fault'
  words: string
  /** Since when it is so, if that is known. */
  since?: string | null
  /** What to do, and the section of docs/runbooks.md. */
  advice?: string
  runbook?: string
}
export type StatusPart = Finding & { name: string }

export type StatusInput = {
  upstream: Upstream
  switches: Switches
  /** Organizations with fewer active accounts than their floor. */
  belowFloor: readonly number[]
}

const ok = (words: string): Finding => ({ level: 'ok', words })

// biome-ignore format: a table reads best one row a line
const chathubStates: Record<Upstream['chathub']['state'], Finding> = {
  ok: ok('It answers.'),
  unknown: ok('It was not asked yet.'),
  refused: { level: 'fault', words: 'It refuses the credential of the gateway.', advice: 'Replace the company token. No restart is needed.', runbook: 'TokenRefused' },
  unavailable: { level: 'fault', words: 'It does not answer.', advice: 'Readers get what is known, and writes answer 503. The gateway tries again by itself.', runbook: 'ChatHubDown' },
}
// biome-ignore format: a table reads best one row a line
const tokenStates: Record<Upstream['token']['state'], Finding> = {
  ready: ok('ChatHub accepts it.'),
  unproven: ok('ChatHub has not yet accepted it.'),
  none: ok('The gateway logs in with the first call.'),
  refused: { level: 'fault', words: 'ChatHub refuses it.', advice: 'Replace the token or the password. No restart is needed.', runbook: 'TokenRefused' },
}
const openBreaker = {
  level: 'fault',
  advice: 'It closes with the first answer of ChatHub.',
  runbook: 'ChatHubDown',
} as const
const breakerStates: Record<Upstream['breaker']['state'], Finding> = {
  closed: { ...ok('Calls go through.'), since: null },
  open: { ...openBreaker, words: 'Open: calls fail at once.' },
  'half-open': { ...openBreaker, words: 'Half-open: one call is tried.' },
}
const redisFault = {
  level: 'fault',
  advice: 'Reads go on from memory, and writes answer 503.',
  runbook: 'RedisDegraded',
} as const
const redisStates: Record<Upstream['redis']['state'], Finding> = {
  none: ok('Not configured: everything is kept in this process.'),
  ready: ok('It answers.'),
  away: { ...redisFault, words: 'It does not answer.' },
  refused: { ...redisFault, words: 'It refuses what the gateway needs.' },
  unsupported: { ...redisFault, words: 'Its version is too old.' },
}

const budget = ({ budget: now, queue }: Upstream): Finding => {
  const { allowedNow, requestsPerSecond, usedInLastSecond, pausedForMs } = now
  const waiting = Object.entries(queue.waiting).filter(([, count]) => count > 0)
  const who = waiting.map(([lane, count]) => `${count} of ${lane}`).join(', ')
  const words = `${usedInLastSecond} of ${allowedNow} requests in the last second. ${who ? `Waiting: ${who}.` : 'No call waits.'}`
  const attention = (why: string, advice: string): Finding => {
    return { level: 'attention', words: `${why}${words}`, advice, runbook: 'BudgetFull' }
  }
  if (pausedForMs > 0) {
    const seconds = Math.ceil(pausedForMs / 1000)
    return attention(`ChatHub asked for a pause of ${seconds} s. `, 'The pause ends by itself.')
  }
  if (allowedNow < requestsPerSecond) {
    const why = `Slowed down from ${requestsPerSecond}, after ChatHub asked for fewer requests. `
    return attention(why, 'The rate returns within minutes.')
  }
  const isFull = usedInLastSecond >= allowedNow && waiting.length > 0
  return isFull ? attention('', 'An import may be running. People go before it.') : ok(words)
}

const lists = ({ reads, cache }: Upstream): Finding => {
  const kept = `${cache.lists} in memory, ${Math.round(cache.bytes / 1024)} KiB.`
  if (reads.meanAgeSeconds === null) return ok(`Nobody has read lately. ${kept}`)
  const stale = `${Math.round(reads.stale * 100)} %`
  const words = `Readers got lists that were ${Math.round(reads.meanAgeSeconds)} s old on average. ${stale} could not be refreshed in time. ${kept}`
  const advice = 'ChatHub is slow or down, or the budget is too small.'
  return reads.stale > 0.5 ? { level: 'attention', words, advice, runbook: 'StaleLists' } : ok(words)
}

const storage = ({ storage: { state, usedBytes, maxBytes } }: Upstream): Finding => {
  const inMiB = (bytes: number | null): string => `${Math.round((bytes ?? 0) / 1_048_576)} MiB`
  if (state === 'unbounded') return ok('No limit is set or known.')
  const words = `${inMiB(usedBytes)} of ${inMiB(maxBytes)} are used.`
  const advice = 'Writes of more than 100 rows are refused.'
  return state === 'full' ? { level: 'attention', words, advice, runbook: 'StorageFull' } : ok(words)
}

const coverage = (belowFloor: readonly number[]): Finding => {
  if (belowFloor.length === 0) return ok('No known organization is below its floor.')
  const words = `Below the floor: ${belowFloor.slice(0, 20).join(', ')}${belowFloor.length > 20 ? ' and others' : ''}.`
  const advice = 'It counts accounts that are active, never people at desks.'
  return { level: 'attention', words, advice, runbook: 'NobodyActive' }
}

const switchWords = {
  readOnly: 'Read-only: no operator is changed.',
  chathubPaused: 'Calls to ChatHub are paused.',
  draining: 'This instance drains: /readyz answers 503.',
}
const switchedOn = (switches: Switches): StatusPart[] =>
  (Object.keys(switchWords) as (keyof typeof switchWords)[]).flatMap((name) => {
    const { on, since, by, reason } = switches[name]
    if (!on) return []
    const words = `${switchWords[name]} By ${by}${reason ? `: ${reason}` : ''}.`
    const advice = 'PATCH /v1/switches switches it off.'
    return [{ name: 'Switch', level: 'attention', words, since, advice }]
  })

/** Every part of the gateway; what needs somebody first. */
export const statusParts = ({ upstream, switches, belowFloor }: StatusInput): StatusPart[] => {
  const { chathub, token, breaker, redis } = upstream
  const order = { fault: 0, attention: 1, ok: 2 }
  const redisNow = redisStates[redis.state]
  const redisWords = redis.detail ? `${redisNow.words} ${redis.detail}` : redisNow.words
  const parts: Record<string, Finding> = {
    ChatHub: { ...chathubStates[chathub.state], since: chathub.state === 'unknown' ? null : chathub.since },
    'Company token': { ...tokenStates[token.state], ...(token.detail && { words: token.detail }) },
    'Circuit breaker': { since: breaker.since, ...breakerStates[breaker.state] },
    'Request budget': budget(upstream),
    Lists: lists(upstream),
    Redis: { ...redisNow, words: redisWords, since: redis.state === 'none' ? null : redis.since },
    'Storage of writes': storage(upstream),
    'Active accounts': coverage(belowFloor),
  }
  return [
    ...Object.entries(parts).map(([name, finding]) => ({ name, ...finding })),
    ...switchedOn(switches),
  ].toSorted((a, b) => order[a.level] - order[b.level])
}
