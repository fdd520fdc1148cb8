import Runner from 'jest-runner'

/** Suites that judge times or rates: each has the machine to itself, after all others. */
const alone = /\/test\/(bench|budget|coherence\/rolling|redis\/(topologies|sentinel)|processes\.test)/

export default class extends Runner {
  async runTests(tests, watcher, options) {
    await super.runTests(
      tests.filter(({ path }) => !alone.test(path)),
      watcher,
      options,
    )
    for (const test of tests) if (alone.test(test.path)) await super.runTests([test], watcher, options)
  }
}
