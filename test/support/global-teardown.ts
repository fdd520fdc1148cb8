import { rmSync } from 'node:fs'

export default function teardown(): void {
  const programs = process.env['TEST_PROGRAMS']
  if (programs) rmSync(programs, { recursive: true, force: true })
}
