import { cpus } from 'node:os'
import type { Asking } from './asking.ts'
import { type Fleet, requestsPerSecond } from './fleet.ts'
import type { Rest, Sample } from './samples.ts'
import { soakName, type Truth } from './truth.ts'

type Row = { figure: string; measured: string; bound: string; holds: boolean }

const tableOf = (head: string[], rows: string[][]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

/**
 * Lines of the instances that break a rule: no JSON, a secret, a person's name, a failure of the gateway itself.
 * Printed by the probe and by `ready` they are lines like others.
 */
export const faultsOfLogs = (fleet: Fleet) => {
  const found = { lines: 0, notJson: 0, secret: 0, name: 0, internal: 0 }
  const examples: string[] = []
  const note = (kind: Exclude<keyof typeof found, 'lines'>, line: string): void => {
    found[kind]++
    if (examples.length < 10) examples.push(`${kind}: ${line.slice(0, 400)}`)
  }
  for (const { running, ended } of fleet.slots)
    for (const instance of [...ended, running]) {
      const isKilled = ended.includes(instance)
      const lines = instance.output().split('\n')
      // The last line of a killed process may be cut.
      for (const line of isKilled ? lines.slice(0, -1) : lines) {
        if (line === '') continue
        found.lines++
        if (!/^\{.*\}$/.test(line)) note('notJson', line)
        if ([...fleet.secrets].some((secret) => line.includes(secret))) note('secret', line)
        if (line.includes(`${soakName} `)) note('name', line)
        if (/"level":60|internal error|unhandled|UnhandledPromise|MaxListeners/.test(line))
          note('internal', line)
      }
    }
  return { ...found, examples }
}

type Run = {
  asking: Asking
  truth: Truth
  samples: Sample[]
  rests: Rest[]
  faultCounts: Map<string, number>
  logs: ReturnType<typeof faultsOfLogs>
  busiest: number
  exits: string[]
  head: string
  cores: number
}

// In the last round. The instance holds the same lists in each rest. In the rounds before, caches fill.
const growthMax = { dataMiB: 1, externalMiB: 1 }
// More than a fresh instance and its Redis. Redis is emptied now and then, so its last round alone would not show what stays.
const moreMax = { handles: 5, keys: 100, keysForEver: 5 }

export const reportOf = (run: Run): { text: string; holds: boolean } => {
  const { asking, truth, samples, rests, faultCounts, logs, busiest, exits, head, cores } = run
  const row = (figure: string, measured: string | number, bound: string, isKept: boolean): Row => {
    return { figure, measured: String(measured), bound, holds: isKept }
  }
  const [fresh, ...rounds] = rests
  const atRest = (figure: string, field: keyof Rest, digits: number, found: number, max: number): Row => {
    const [first, ...others] = rests.map((each) => (each[field] as number).toFixed(digits))
    const measured = `${first} → ${others.join(', ')}: ${found < 0 ? '' : '+'}${found.toFixed(digits)}`
    return row(`${figure}, fresh → after each round`, measured, `≤ +${max}`, found <= max)
  }
  const growing = (figure: string, field: keyof typeof growthMax): Row => {
    const found = (rounds.at(-1)?.[field] ?? Number.NaN) - (rounds.at(-2)?.[field] ?? Number.NaN)
    return atRest(figure, field, 2, found, growthMax[field])
  }
  const more = (figure: string, field: keyof typeof moreMax): Row => {
    const found = Math.max(...rounds.map((each) => each[field])) - (fresh?.[field] ?? Number.NaN)
    return atRest(figure, field, 0, found, moreMax[field])
  }
  const underLoad = (figure: string, field: 'heapMiB' | 'handles' | 'open'): Row => {
    const values = samples.map((each) => each[field])
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    return row(figure, `${mean.toFixed(1)}, at most ${Math.max(...values).toFixed(1)}`, '', true)
  }
  const faults = [...asking.faults]
  const zero = (figure: string, count: number) => row(figure, count, '0', count === 0)
  const matching = (pattern: RegExp) =>
    faults.filter(([what]) => pattern.test(what)).reduce((sum, [, { times }]) => sum + times, 0)
  const { counts } = truth
  const rows = [
    growing('heap at rest without compiled code, MiB', 'dataMiB'),
    growing('memory outside the heap at rest, MiB', 'externalMiB'),
    more('handles and timers at rest', 'handles'),
    more('keys in Redis at rest, without kept records', 'keys'),
    more('… that do not expire', 'keysForEver'),
    underLoad('heap under load, MiB: mean', 'heapMiB'),
    underLoad('handles and timers under load: mean', 'handles'),
    underLoad('requests open under load: mean', 'open'),
    row('reads of lists that the instance knew', asking.readsOfKnown(), '', true),
    zero('… answered with 5xx', matching(/for a known list/)),
    zero('500 on any endpoint', matching(/: 500$/)),
    zero('requests without an answer from an instance that ran', matching(/no answer from a running/)),
    row(
      'acknowledged names, exactly once in ChatHub',
      `${counts.once} of ${counts.created - counts.unproven}`,
      'all',
      counts.once === counts.created - counts.unproven,
    ),
    row('names that were doubled and marked', counts.marked, '', true),
    row('names in doubt, and shown so', counts.inDoubt, '', true),
    row('names of operations that FLUSHALL ended', counts.forgotten, '', true),
    row(
      'names without proof: Redis was emptied during the write, or before the next rest',
      counts.afterFlush,
      '',
      true,
    ),
    zero('older lists served as fresh after a write', matching(/served as fresh/)),
    zero('acknowledged statuses that ChatHub does not have', matching(/a status is not/)),
    row('statuses compared', truth.statusesCompared(), '', true),
    row(
      'requests in the busiest second at ChatHub',
      busiest,
      `≤ ${requestsPerSecond}`,
      busiest <= requestsPerSecond,
    ),
    zero('unhandled rejections, uncaught errors, internal errors in logs', logs.internal),
    zero(`of ${logs.lines} lines: no JSON`, logs.notJson),
    zero('… with a secret', logs.secret),
    zero('… with the name of a person', logs.name),
    zero(
      'other faults',
      faults.reduce((sum, [, { times }]) => sum + times, 0) -
        matching(/for a known list|: 500$|no answer from a running|served as fresh|a status is not/),
    ),
    row(
      'exits at SIGTERM',
      exits.join(', '),
      'code 0',
      exits.every((exit) => exit === '0'),
    ),
    row('cores used by the instance that ran throughout', cores.toFixed(2), '', true),
  ]
  const holds = rows.every((each) => each.holds)
  const requests = [...asking.statuses].map(([action, byStatus]) => {
    const sum = [...byStatus.values()].reduce((total, count) => total + count, 0)
    const shown = [...byStatus]
      .toSorted(([, a], [, b]) => b - a)
      .map(([status, count]) => `${status}: ${count}`)
    return [action, String(sum), shown.join(', ')]
  })
  const text = [
    head,
    tableOf(
      ['figure', 'measured', 'bound', ''],
      rows.map((each) => [
        each.figure,
        each.measured,
        each.bound,
        each.bound === '' ? '' : each.holds ? 'holds' : '**broken**',
      ]),
    ),
    '',
    '### Faults that were injected',
    '',
    tableOf(
      ['fault', 'times'],
      [...faultCounts].toSorted().map(([name, times]) => [name, String(times)]),
    ),
    '',
    '### Answers',
    '',
    tableOf(['action', 'requests', 'answers'], requests.toSorted()),
    '',
    '### What is held at rest, after the first and the last round',
    '',
    ...[rounds[0], rounds.at(-1)].map(
      (each) => `- ${JSON.stringify({ ...each?.resources, ...each?.families })}`,
    ),
    ...(faults.length > 0
      ? [
          '',
          '### What broke',
          '',
          ...faults.map(([what, { times, first }]) => `- ${times} × ${what}. First: ${first}`),
        ]
      : []),
    ...(logs.examples.length > 0 ? ['', ...logs.examples.map((line) => `- ${line}`)] : []),
  ].join('\n')
  return { text: `${text}\n`, holds }
}

/** What this ran on, in one line. */
export const machine = (): string => `${cpus().length} cores, Node ${process.versions.node}`
