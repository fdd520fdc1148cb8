import { describe, expect, it } from '@jest/globals'
import { retryAfter } from '../../src/chathub/retry-after.ts'
import { retryAfterRows } from '../compatibility/outbound.ts'
import { createClock } from '../support/clock.ts'

describe('Retry-After of ChatHub', () => {
  const clock = createClock(Date.UTC(2026, 0, 1))

  it.each(retryAfterRows)('$form: $example is $result', ({ headers, ms }) => {
    expect(retryAfter(headers, clock)).toBe(ms)
  })
})
