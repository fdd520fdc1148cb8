import { type Cost, kinds } from './cost.ts'
import { markdown } from './markdown.ts'
import { createModel } from './model.ts'
import { requestsPerSecond, startReal } from './real.ts'
import { batchSize, type Measured, runScenario } from './scenario.ts'

/** The most by which the model may differ from what was measured. */
export const tolerance = 0.15
/** So little is none: commands and requests, bytes. */
const negligible = { sent: 0.25, inside: 2, requests: 0.1, bytesIn: 60, bytesOut: 60 }

const deviationOf = (kind: keyof Cost, modelled: number, measured: number): number => {
  const difference = modelled - measured
  return Math.abs(difference) <= negligible[kind]
    ? 0
    : difference / Math.max(Math.abs(measured), negligible[kind])
}
const rounded = (number: number): string =>
  number < 20 ? number.toFixed(1).replace(/\.0$/, '') : number.toFixed(0)

/** Steps that the model and the measurement count differently, for whoever mends the model. */
const otherSteps = (modelled: Measured, measured: Measured): string[] =>
  [...new Set([...modelled.steps.keys(), ...measured.steps.keys()])].flatMap((step) => {
    const [a, b] = [modelled, measured].map(({ steps, count }) => (steps.get(step) ?? 0) / count) as [
      number,
      number,
    ]
    return Math.abs(a - b) > Math.max(0.15, 0.1 * b) ? [`${step}: ${rounded(a)}, measured ${rounded(b)}`] : []
  })

/** Runs the same work in the model and at so many real instances. Returns the lines that differ too much. */
export const compare = async (
  instances: number,
  size: { count: number; restSeconds: number },
  say: (text: string) => void,
): Promise<string[]> => {
  const real = await startReal(instances, 4 * size.count + instances + 10, 20)
  try {
    const { lists, infoBytes } = real
    const measured = await runScenario(real.actor, lists, instances, size)
    const model = createModel({ instances, lists, requestsPerSecond, batchSize, infoBytes })
    const modelled = await runScenario(model, lists, instances, size)
    const faults: string[] = []
    const rows = measured.map((line, at) => {
      const other = modelled[at] as Measured
      const deviations = kinds.map((kind) => deviationOf(kind, other.each[kind], line.each[kind]))
      const worst = deviations.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0)
      if (Math.abs(worst) > tolerance)
        faults.push(
          `${instances} instances, ${line.what}: ${otherSteps(other, line).join('; ') || 'bytes alone'}`,
        )
      return [
        line.what,
        ...kinds.map((kind) => `${rounded(other.each[kind])} / ${rounded(line.each[kind])}`),
        `${(100 * worst).toFixed(0)} %`,
      ]
    })
    const heads = [
      'commands',
      'in scripts',
      'requests',
      'bytes to Redis',
      'bytes from Redis',
      'worst deviation',
    ]
    say(`\n${instances} instance${instances === 1 ? '' : 's'}, model / measured for each operation\n`)
    say(markdown(['operation', ...heads], rows))
    return faults
  } finally {
    await real.stop()
  }
}
