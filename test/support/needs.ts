import { existsSync } from 'node:fs'
import { describe, test } from '@jest/globals'
import { installLine, type Program, type Provided, provide, whyMissing } from './debian.ts'

/** With CI=true a suite that cannot run is a failure: a skip nobody sees would hide what was not tested. */
const mustRun = (): boolean => process.env['CI'] === 'true'

/**
 * The program a suite needs, or undefined after saying so loudly on stderr: then skip. May take a minute the first
 * time, so call it while the file is read (as `describeWith` does), not inside a test with its time limit.
 * @throws in CI when the program is missing.
 */
const need = (program: Program): Provided | undefined => {
  const provided = provide(program)
  if (!provided)
    tellMissing(`${program} is missing, type: ${installLine(program)}   (${whyMissing(program)})`)
  return provided
}

/** @throws in CI */
const tellMissing = (sentence: string): void => {
  if (mustRun()) throw new Error(sentence)
  process.stderr.write(`\n*** SKIPPED: ${sentence}\n\n`)
}

/** A `describe` whose body gets the program; skipped under a name that tells the remedy when there is none. */
export const describeWith = (program: Program, name: string, body: (provided: Provided) => void): void => {
  const provided = need(program)
  if (provided) describe(name, () => body(provided))
  else skipSuite(name, installLine(program))
}

/** For suites that need just a database, `openRedis`: the one of REDIS_URL, or a server of their own. */
export const describeWithRedis = (name: string, body: () => void): void => {
  if (process.env['REDIS_URL']) describe(name, body)
  else describeWithRedisServer(name, body)
}

/** For suites that stop, freeze and kill Redis, `startRedis`: these need the program, REDIS_URL does not do. */
export const describeWithRedisServer = (name: string, body: () => void): void =>
  describeWith('redis-server', name, () => body())

export const describeWithChromium = (name: string, body: (chromium: Provided) => void): void =>
  describeWith('chromium', name, body)

export const describeWithPrometheus = (name: string, body: (prometheus: Provided) => void): void =>
  describeWith('prometheus', name, body)

export const describeWithPhp = (name: string, body: (php: Provided) => void): void =>
  describeWith('php', name, body)

export const describeWithPython = (name: string, body: (python: Provided) => void): void =>
  describeWith('python-requests', name, body)

/** For the example that has packages of its own, in `examples/react`, and is shown in Chromium. */
export const describeWithReact = (name: string, body: (chromium: Provided) => void): void => {
  const install = 'npm ci --prefix examples/react'
  if (existsSync(new URL('../../examples/react/node_modules/react', import.meta.url)))
    describeWithChromium(name, body)
  else {
    tellMissing(`React is missing, type: ${install}`)
    skipSuite(name, install)
  }
}

const skipSuite = (name: string, remedy: string): void => {
  describe.skip(name, () => {
    test(`needs: ${remedy}`, () => {})
  })
}
