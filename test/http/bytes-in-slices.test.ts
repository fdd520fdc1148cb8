import { expect, it } from '@jest/globals'
import fc from 'fast-check'
import { jsonInSlices } from '../../src/http/bytes-in-slices.ts'

it('JSON made in slices has the same bytes as JSON made at once', async () => {
  const value = fc.dictionary(fc.string(), fc.oneof(fc.jsonValue(), fc.constant(undefined)))
  await fc.assert(
    fc.asyncProperty(value, async (given) => {
      expect((await jsonInSlices(given)).toString()).toBe(Buffer.from(JSON.stringify(given)).toString())
    }),
  )
  const long = { items: Array.from({ length: 1001 }, (_, id) => ({ id })), total: 1001, none: [] }
  expect((await jsonInSlices(long)).toString()).toBe(JSON.stringify(long))
})
