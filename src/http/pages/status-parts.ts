import type { Switches } from '../../contract/switches.ts'
import type { Upstream } from '../../contract/system.ts'

/** One part of the gateway, in words. */
export type StatusPart = {
  name: string
  /** `fault`: something does not work. `attention`: it works, and somebody should know. */
  level: 'ok' | 'attention' | 'fault'
  words: string
  /** Since when it is so, if that is known. */
  since?: string | null
  /** What to do, and the section of docs/runbooks.md. */
  advice?: string
  runbook?: string
}

export type StatusInput = {
  upstream: Upstream
  switches: Switches
  /** Organizations with fewer active accounts than their floor. */
  belowFloor: readonly number[]
}

const shareOf = (share: number): string => `${Math.round(share * 100)} %`

const chathub = ({ chathub: { state, since } }: Upstream): StatusPart => {
  const name = 'ChatHub'
  if (state === 'ok') return { name, level: 'ok', words: 'It answers.', since }
  if (state === 'unknown') return { name, level: 'ok', words: 'It was not asked yet.' }
  if (state === 'refused')
    return {
      name,
      level: 'fault',
      words: 'It refuses the credential of the gateway.',
      since,
      advice: 'Replace the company token. No restart is needed.',
      runbook: 'TokenRefused',
    }
  return {
    name,
    level: 'fault',
    words: 'It does not answer.',
    since,
    advice: 'Readers get what is known, and writes answer 503. The gateway tries again by itself.',
    runbook: 'ChatHubDown',
  }
}

const token = ({ token: { state, detail } }: Upstream): StatusPart => {
  const name = 'Company token'
  if (state === 'refused')
    return {
      name,
      level: 'fault',
      words: detail ?? 'ChatHub refuses it.',
      advice: 'Replace the token or the password. No restart is needed.',
      runbook: 'TokenRefused',
    }
  const words = {
    ready: 'ChatHub accepts it.',
    unproven: 'ChatHub has not yet accepted it.',
    none: 'The gateway logs in with the first call.',
  }
  return { name, level: 'ok', words: words[state] }
}

const budget = ({
  budget: { allowedNow, requestsPerSecond, usedInLastSecond, pausedForMs },
  queue,
}: Upstream): StatusPart => {
  const waiting = Object.entries(queue.waiting).filter(([, count]) => count > 0)
  const who = waiting.map(([lane, count]) => `${count} of ${lane}`).join(', ')
  const words = `${usedInLastSecond} of ${allowedNow} requests in the last second. ${who ? `Waiting: ${who}.` : 'No call waits.'}`
  const name = 'Request budget'
  if (pausedForMs > 0)
    return {
      name,
      level: 'attention',
      words: `ChatHub asked for a pause of ${Math.ceil(pausedForMs / 1000)} s. ${words}`,
      advice: 'The pause ends by itself.',
      runbook: 'BudgetFull',
    }
  if (allowedNow < requestsPerSecond)
    return {
      name,
      level: 'attention',
      words: `Slowed down from ${requestsPerSecond}, after ChatHub asked for fewer requests. ${words}`,
      advice: 'The rate returns within minutes.',
      runbook: 'BudgetFull',
    }
  const isFull = usedInLastSecond >= allowedNow && waiting.length > 0
  return isFull
    ? {
        name,
        level: 'attention',
        words,
        advice: 'An import may be running. People go before it.',
        runbook: 'BudgetFull',
      }
    : { name, level: 'ok', words }
}

const breaker = ({ breaker: { state, since } }: Upstream): StatusPart => {
  const name = 'Circuit breaker'
  if (state === 'closed') return { name, level: 'ok', words: 'Calls go through.' }
  const words = state === 'open' ? 'Open: calls fail at once.' : 'Half-open: one call is tried.'
  return {
    name,
    level: 'fault',
    words,
    since,
    advice: 'It closes with the first answer of ChatHub.',
    runbook: 'ChatHubDown',
  }
}

const lists = ({ reads, cache }: Upstream): StatusPart => {
  const name = 'Lists'
  const kept = `${cache.lists} in memory, ${Math.round(cache.bytes / 1024)} KiB.`
  if (reads.meanAgeSeconds === null) return { name, level: 'ok', words: `Nobody has read lately. ${kept}` }
  const words = `Readers got lists that were ${Math.round(reads.meanAgeSeconds)} s old on average. ${shareOf(reads.stale)} could not be refreshed in time. ${kept}`
  return reads.stale > 0.5
    ? {
        name,
        level: 'attention',
        words,
        advice: 'ChatHub is slow or down, or the budget is too small.',
        runbook: 'StaleLists',
      }
    : { name, level: 'ok', words }
}

const redis = ({ redis: { state, since, detail } }: Upstream): StatusPart => {
  const name = 'Redis'
  if (state === 'none')
    return { name, level: 'ok', words: 'Not configured: everything is kept in this process.' }
  if (state === 'ready') return { name, level: 'ok', words: 'It answers.', since }
  const words = {
    away: 'It does not answer.',
    refused: 'It refuses what the gateway needs.',
    unsupported: 'Its version is too old.',
  }
  return {
    name,
    level: 'fault',
    words: [words[state], detail].filter(Boolean).join(' '),
    since,
    advice: 'Reads go on from memory, and writes answer 503.',
    runbook: 'RedisDegraded',
  }
}

const storage = ({ storage: { state, usedBytes, maxBytes } }: Upstream): StatusPart => {
  const name = 'Storage of writes'
  const inMiB = (bytes: number | null): string => `${Math.round((bytes ?? 0) / 1_048_576)} MiB`
  if (state === 'unbounded') return { name, level: 'ok', words: 'No limit is set or known.' }
  const words = `${inMiB(usedBytes)} of ${inMiB(maxBytes)} are used.`
  return state === 'full'
    ? {
        name,
        level: 'attention',
        words,
        advice: 'Writes of more than 100 rows are refused.',
        runbook: 'StorageFull',
      }
    : { name, level: 'ok', words }
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
    return [
      { name: 'Switch', level: 'attention', words, since, advice: 'PATCH /v1/switches switches it off.' },
    ]
  })

const coverage = (belowFloor: readonly number[]): StatusPart =>
  belowFloor.length === 0
    ? { name: 'Active accounts', level: 'ok', words: 'No known organization is below its floor.' }
    : {
        name: 'Active accounts',
        level: 'attention',
        words: `Below the floor: ${belowFloor.slice(0, 20).join(', ')}${belowFloor.length > 20 ? ' and others' : ''}.`,
        advice: 'It counts accounts that are active, never people at desks.',
        runbook: 'NobodyActive',
      }

/** Every part of the gateway; what needs somebody first. */
export const statusParts = ({ upstream, switches, belowFloor }: StatusInput): StatusPart[] => {
  const order = { fault: 0, attention: 1, ok: 2 }
  const parts = [
    ...[chathub, token, breaker, budget, lists, redis, storage].map((part) => part(upstream)),
    coverage(belowFloor),
    ...switchedOn(switches),
  ]
  return parts.toSorted((a, b) => order[a.level] - order[b.level])
}
