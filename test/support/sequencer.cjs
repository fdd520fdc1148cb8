const { relative } = require('node:path')
const { default: Sequencer } = require('@jest/test-sequencer')

/**
 * Suites that take longer than ten seconds, the longest first. Started last, one of them would run alone at the end.
 * jest knows the times of its earlier runs, but a fresh checkout has none.
 */
const slow = require('./slow-suites.json')

module.exports = class extends Sequencer {
  sort(tests) {
    const placeOf = ({ path, context }) => {
      const at = slow.indexOf(relative(context.config.rootDir, path))
      return at === -1 ? slow.length : at
    }
    return super.sort(tests).sort((a, b) => placeOf(a) - placeOf(b))
  }
}
