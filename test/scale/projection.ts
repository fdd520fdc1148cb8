import type { Operator } from '../../src/contract/operator.ts'
import type { List } from './actor.ts'
import { markdown } from './markdown.ts'
import { createModel } from './model.ts'
import { requestsPerSecond } from './real.ts'
import { batchSize, runScenario } from './scenario.ts'

const listOf = (at: number, operators: number): List => ({
  id: 100_000 + at,
  name: `Department ${at}`,
  operators: Array.from({ length: operators }, (_, number): Operator => {
    return { id: 1_000_000 + at * operators + number, name: `Олена Коваленко ${number}`, status: 'active' }
  }),
})

/** The same table for instances that were not run. */
export const project = async (
  instances: readonly number[],
  infoBytes: number,
  say: (text: string) => void,
): Promise<void> => {
  const lists = Array.from({ length: 600 }, (_, at) => listOf(at, 20))
  const columns = await Promise.all(
    instances.map((number) =>
      runScenario(
        createModel({ instances: number, lists, requestsPerSecond, batchSize, infoBytes }),
        lists,
        number,
        // Each instance does each kind once at least.
        { count: Math.max(20, number), restSeconds: 30 },
      ),
    ),
  )
  const whats = [...new Set(columns.flatMap((lines) => lines.map(({ what }) => what)))]
  const cells = (what: string): string[] =>
    columns.map((lines) => {
      const each = lines.find((line) => line.what === what)?.each
      if (!each) return ''
      const kilobytes = (each.bytesIn + each.bytesOut) / 1000
      return `${each.sent.toFixed(1)} + ${each.inside.toFixed(0)}, ${kilobytes.toFixed(1)} kB`
    })
  say('\nBy the model: commands + commands in scripts, kilobytes to and from Redis\n')
  say(
    markdown(
      ['operation', ...instances.map((number) => `${number} instances`)],
      whats.map((what) => [what, ...cells(what)]),
    ),
  )
}
