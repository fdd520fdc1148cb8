import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { forgetFailures, installLine, provide, whyMissing } from './debian.ts'

/**
 * What suites start as a process: the programs of the build, in one file each (their folder in TEST_PROGRAMS). A process
 * that reads a thousand files takes twice as long to start.
 */
const bundlePrograms = (): void => {
  if (!existsSync('dist/main.js')) return
  const folder = mkdtempSync(join(tmpdir(), 'test-programs-'))
  execFileSync(process.execPath, ['test/support/bundle-programs.mjs', folder], { stdio: 'inherit' })
  process.env['TEST_PROGRAMS'] = folder
}

/**
 * Decides before any suite which Redis this run has: REDIS_URL, else a `redis-server` that suites start themselves
 * (its command in TEST_REDIS_COMMAND, as JSON), else none (the remedy in TEST_REDIS_MISSING).
 * @throws in CI when there is none.
 */
export default async function setup(): Promise<void> {
  forgetFailures()
  bundlePrograms()
  const redis = provide('redis-server')
  if (redis) {
    process.env['TEST_REDIS_COMMAND'] = JSON.stringify(redis)
    return
  }
  const remedy = installLine('redis-server')
  process.env['TEST_REDIS_MISSING'] = remedy
  const lost = process.env['REDIS_URL'] ? 'suites that kill Redis' : 'every suite with Redis'
  const sentence = `No redis-server: ${lost} cannot run. Type: ${remedy}   (${whyMissing('redis-server')})`
  if (process.env['CI'] === 'true') throw new Error(sentence)
  const line = '*'.repeat(100)
  process.stderr.write(`\n${line}\n${sentence}\n${line}\n\n`)
}
