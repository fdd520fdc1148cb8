import { cpus } from 'node:os'
import type { Asking } from './asking.ts'
import { type Fleet, requestsPerSecond } from './fleet.ts'
import { type Sample, trendOf } from './samples.ts'
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
  atRest: { before: Sample | undefined; after: Sample | undefined }
  faultCounts: Map<string, number>
  logs: ReturnType<typeof faultsOfLogs>
  families: [string, number][]
  busiest: number
  exits: string[]
  head: string
  cores: number
}

// Of the last two thirds of the run.
const heapGrowthMax = 0.1
const handlesMax = 5

const growing = (
  samples: Sample[],
  field: 'heapMiB' | 'externalMiB' | 'rssMiB' | 'handles' | 'keys' | 'keysForEver' | 'redisMiB',
) => {
  const points = samples.flatMap((sample) => {
    const value = sample[field]
    return value === undefined ? [] : [[sample.at, value] as const]
  })
  return trendOf(points.slice(Math.floor(points.length / 3)))
}

export const reportOf = (run: Run): { text: string; holds: boolean } => {
  const { asking, truth, samples, atRest, faultCounts, logs, families, busiest, exits, head, cores } = run
  const row = (figure: string, measured: string | number, bound: string, isKept: boolean): Row => {
    return { figure, measured: String(measured), bound, holds: isKept }
  }
  const trend = (figure: string, field: Parameters<typeof growing>[1], share: number, least: number): Row => {
    const { mean, growth } = growing(samples, field)
    const max = Math.max(least, mean * share)
    const measured = `${growth >= 0 ? '+' : ''}${growth.toFixed(1)} at a mean of ${mean.toFixed(1)}`
    return row(figure, measured, `≤ +${max.toFixed(1)}`, growth <= max)
  }
  const faults = [...asking.faults]
  const zero = (figure: string, count: number) => row(figure, count, '0', count === 0)
  const matching = (pattern: RegExp) =>
    faults.filter(([what]) => pattern.test(what)).reduce((sum, [, { times }]) => sum + times, 0)
  const { counts } = truth
  const handlesBefore = atRest.before?.handles ?? 0
  const handlesAfter = atRest.after?.handles ?? Number.POSITIVE_INFINITY
  const rows = [
    trend('heap after a collection, MiB, growth by the line of least squares', 'heapMiB', heapGrowthMax, 1),
    trend('memory outside the heap, MiB', 'externalMiB', heapGrowthMax, 1),
    trend('active handles and timers under load', 'handles', 0.15, 3),
    row(
      'the same at rest, before and after',
      `${handlesBefore} → ${handlesAfter}`,
      `≤ +${handlesMax}`,
      handlesAfter <= handlesBefore + handlesMax,
    ),
    trend('keys in Redis', 'keys', 0.15, 20),
    trend('keys in Redis that do not expire', 'keysForEver', 0.1, 2),
    row('reads of lists that the instance knew', asking.readsOfKnown(), '', true),
    zero('… answered with 5xx', matching(/for a known list/)),
    zero('500 on any endpoint', matching(/: 500$/)),
    zero('requests without an answer from an instance that ran', matching(/no answer from a running/)),
    row(
      'acknowledged names, exactly once in ChatHub',
      `${counts.once} of ${counts.created - counts.afterFlush}`,
      'all',
      counts.once >= counts.created - counts.afterFlush,
    ),
    row('names that were doubled and marked', counts.marked, '', true),
    row('names in doubt, and shown so', counts.inDoubt, '', true),
    row('names of operations that FLUSHALL ended', counts.forgotten, '', true),
    row(
      'names without proof: Redis was emptied, or their records were removed, during the write',
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
    `At rest before: ${JSON.stringify(atRest.before?.resources)}. Afterwards: ${JSON.stringify(atRest.after?.resources)}.`,
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
    '### Keys in Redis at the end',
    '',
    families.map(([family, count]) => `${family} ${count}`).join(' · '),
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
