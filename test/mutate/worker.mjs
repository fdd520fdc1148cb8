// Runs one suite after the other in one process, which is several times quicker than a process for each.
import { resolve } from 'node:path'
import { runCLI } from 'jest'
import unit from '../unit.config.mjs'

const { testPathIgnorePatterns: _, testMatch: __, ...common } = unit
/** jest keeps transformed files in memory for each text of the settings, so a mutant has settings of its own. */
const configOf = (mutant) =>
  JSON.stringify({
    ...common,
    id: 'mutate',
    rootDir: process.cwd(),
    testMatch: ['**/*.test.ts'],
    transform: { '\\.ts$': resolve('test/mutate/transform.mjs') },
    globals: { mutant },
  })

// A mutant may leave a promise that nobody waits for. Its suite has been judged by then.
process.on('unhandledRejection', () => {})
process.on('uncaughtException', () => {})
process.on('message', async ({ suite, mutant }) => {
  process.env.MUTANT = JSON.stringify(mutant)
  const startedAt = performance.now()
  try {
    const { results } = await runCLI(
      {
        ...{
          config: configOf(mutant),
          runInBand: true,
          bail: 1,
          silent: true,
          reporters: [],
          watchman: false,
          ci: true,
        },
        ...{ runTestsByPath: true, _: [suite], $0: 'jest' },
      },
      [process.cwd()],
    )
    const messages = results.testResults.map(({ failureMessage }) => failureMessage ?? '').join('\n')
    const { success, numTotalTests } = results
    process.send({
      success,
      tests: numTotalTests,
      ms: performance.now() - startedAt,
      messages: messages.slice(0, 2000),
    })
  } catch (error) {
    process.send({
      success: false,
      tests: 0,
      ms: performance.now() - startedAt,
      messages: String(error?.stack),
    })
  }
})
