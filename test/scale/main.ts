// npm run scale -- [--instances 1,2,4,8] [--count 20] [--rest 30] [--only agreement,memory,projection] [--operators 20]
import { parseArgs } from 'node:util'
import { stopEverything } from '../support/children.ts'
import { compare, tolerance } from './agreement.ts'
import { measureMemory } from './memory.ts'
import { project } from './projection.ts'

/**
 * What one, ten and a hundred instances cost in Redis. The model says it step by step (model.ts), and real instances must agree
 * with it: commands, requests to ChatHub and bytes of each kind of operation within 15 %.
 */
const { values } = parseArgs({
  options: {
    instances: { type: 'string', default: '1,2,4,8' },
    /** Operations of each kind. */
    count: { type: 'string', default: '20' },
    /** Seconds for which idle instances are watched. */
    rest: { type: 'string', default: '30' },
    only: { type: 'string', default: 'agreement,memory,projection' },
    operators: { type: 'string', default: '20' },
    /** Organizations whose memory is measured; the first two give the line. */
    organizations: { type: 'string', default: '1000,2000,10000' },
  },
})
const wanted = values.only.split(',')
const say = (text: string): void => void process.stdout.write(`${text}\n`)
const faults: string[] = []
const size = { count: Number(values.count), restSeconds: Number(values.rest) }
if (wanted.includes('agreement'))
  for (const instances of values.instances.split(',').map(Number))
    faults.push(...(await compare(instances, size, say)))
if (wanted.includes('memory')) {
  const sizes = values.organizations.split(',').map(Number) as [number, number, number]
  faults.push(...(await measureMemory(sizes, Number(values.operators), say)))
}
if (wanted.includes('projection')) await project([1, 2, 10, 100], 1700, say)
await stopEverything()
for (const fault of faults) say(`MORE THAN ${100 * tolerance} %  ${fault}`)
process.exit(faults.length > 0 ? 1 : 0)
