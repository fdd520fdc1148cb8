import { describe, expect, it } from '@jest/globals'
import type { Request } from 'express'
import type { Caller } from '../../src/access/caller.ts'
import { endpoints } from '../../src/contract/endpoints.ts'
import type { Answer } from '../../src/http/answer.ts'
import { createWithIdempotency, isStorable } from '../../src/http/with-idempotency.ts'
import { unlimited } from '../../src/redis/quotas.ts'
import { createMemoryRecords } from '../../src/redis/records.ts'
import { createIdempotency } from '../../src/writes/idempotency.ts'
import { createClock } from '../support/clock.ts'

const clock = createClock()
const callerOf = (...organizations: number[]): Caller => ({
  id: 'crm',
  kind: 'key',
  scopes: new Set(),
  organizations: new Set(organizations),
  requestsPerMinute: 1,
  expiresAt: undefined,
})
const use = { key: 'k', params: {} }
const request = { originalUrl: '/x' } as Request

/** Runs one request; the answer that an earlier one stored is `stored`. */
const runAfter = async (stored: Answer, caller: Caller): Promise<Answer> => {
  const withIdempotency = createWithIdempotency(
    createIdempotency<Answer>({
      quotas: unlimited,
      storage: () => ({ state: 'ok' }),
      records: createMemoryRecords(clock),
      clock,
      storable: isStorable,
    }),
    async () => undefined,
  )
  await withIdempotency(endpoints.purge, request, callerOf(1, 2), use, async () => stored)
  return withIdempotency(endpoints.purge, request, caller, use, async () => ({ json: 'worked again' }))
}

describe('a stored answer', () => {
  const stored = { json: { a: 1 }, headers: { 'X-A': '1', 'X-B': '2' }, organizationIds: [1, 2] }

  it('is replayed with its headers and Idempotency-Replayed', async () => {
    const headers = { ...stored.headers, 'Idempotency-Replayed': 'true' }
    expect(await runAfter(stored, callerOf(1, 2))).toEqual({ ...stored, headers })
  })

  it('is not shown to a caller that lost one of its organizations', async () => {
    expect(await runAfter(stored, callerOf(1))).toMatchObject({ json: 'worked again' })
  })

  it('without headers and organizations is replayed with Idempotency-Replayed alone', async () => {
    const { headers } = (await runAfter({ empty: 204 }, callerOf())) as { headers: object }
    expect(headers).toEqual({ 'Idempotency-Replayed': 'true' })
  })
})
