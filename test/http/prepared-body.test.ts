import { createHook } from 'node:async_hooks'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { describe, expect, it } from '@jest/globals'
import { render } from '../../src/http/answer.ts'
import { type Coding, createPreparedBody, preparedBodyOf } from '../../src/http/prepared-body.ts'
import { until } from '../support/until.ts'

const long = Buffer.from(
  JSON.stringify(Array.from({ length: 200 }, (_, id) => ({ id, name: `Olena ${id}` }))),
)

describe('a prepared body', () => {
  it('has one strong ETag per content: equal for equal bytes, different for others', () => {
    expect(preparedBodyOf(Buffer.from('{}')).identity.etag).toMatch(/^"[\w-]{22}"$/)
    expect(preparedBodyOf(Buffer.from(long)).tag).toBe(preparedBodyOf(Buffer.from(long)).tag)
    expect(preparedBodyOf(Buffer.from('{ }')).tag).not.toBe(preparedBodyOf(Buffer.from('{}')).tag)
  })

  it('is sent uncompressed while a compressed form is being made, without waiting', () => {
    expect(preparedBodyOf(Buffer.from(long)).variant(['br', 'gzip', 'identity'])).toMatchObject({
      coding: 'identity',
    })
  })

  it.each<[Coding, (bytes: Buffer) => Buffer]>([
    ['gzip', gunzipSync],
    ['br', brotliDecompressSync],
  ])('gets a form in %s, with the same content and its own ETag', async (coding, decompress) => {
    const prepared = preparedBodyOf(Buffer.from(long))
    await until(() => prepared.variant([coding, 'identity']).coding === coding)
    const { variant } = prepared.variant([coding, 'identity'])
    expect(decompress(variant.body).equals(long)).toBe(true)
    expect(variant.body.length).toBeLessThan(long.length)
    expect(variant.etag).toBe(`"${prepared.tag}-${coding}"`)
    expect(prepared.variant([coding]).variant).toBe(variant)
    expect(prepared.variant([]).coding).toBe('identity')
  })

  it('is sent in the best accepted form that is ready', async () => {
    const prepared = preparedBodyOf(Buffer.from(long))
    await until(() => prepared.variant(['gzip']).coding === 'gzip')
    expect(prepared.variant(['br', 'gzip', 'identity']).coding).toBe('gzip')
    await until(() => prepared.variant(['br', 'gzip', 'identity']).coding === 'br')
    expect(prepared.variant(['gzip', 'br', 'identity']).coding).toBe('gzip')
    expect(prepared.variant(['identity', 'gzip']).coding).toBe('identity')
  })

  it('is never compressed when it is short', async () => {
    const prepared = preparedBodyOf(Buffer.from('[]'))
    for (let i = 0; i < 20; i++) {
      expect(prepared.variant(['br', 'gzip']).coding).toBe('identity')
      await new Promise(setImmediate)
    }
  })

  it('of one request is never compressed, because the result would not be used', () => {
    let begun = 0
    const hook = createHook({
      init: (_id, type) => {
        if (type === 'ZLIB') begun++
      },
    }).enable()
    try {
      expect(createPreparedBody(long, { isKept: false }).variant(['br', 'gzip']).coding).toBe('identity')
      const freshness = { how: 'hit', ageMs: 0, ttlMs: 1000 } as const
      const answer = { json: JSON.parse(long.toString()), freshness }
      const { body } = render(answer, { 'accept-encoding': 'br, gzip' }, 'application/json')
      expect(body?.equals(long)).toBe(true)
      expect(begun).toBe(0)
      // The same bytes, kept: both forms are begun, so the count can see one.
      createPreparedBody(long, { isKept: true }).variant(['br', 'gzip'])
      expect(begun).toBe(2)
    } finally {
      hook.disable()
    }
  })
})
