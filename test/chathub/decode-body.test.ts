import { gzipSync } from 'node:zlib'
import { describe, expect, it } from '@jest/globals'
import { decodeBody } from '../../src/chathub/decode-body.ts'
import { jsonOf } from '../../src/chathub/wire.ts'
import { codingRows, json } from '../compatibility/outbound.ts'

const max = 8 * 1024 * 1024

describe('the body of an answer', () => {
  it.each(codingRows)('$form, $example: $result', async ({ header, body, isRead }) => {
    const parsed = decodeBody(body, header, max).then(jsonOf)
    if (isRead) expect(await parsed).toEqual(JSON.parse(json.toString()))
    else await expect(parsed).rejects.toThrow()
  })

  it('has at most the given size after decoding, and exactly that is allowed', async () => {
    const body = Buffer.from(JSON.stringify('x'.repeat(998)))
    expect(await decodeBody(gzipSync(body), 'gzip', 1000)).toEqual(body)
    await expect(decodeBody(gzipSync(body), 'gzip', 999)).rejects.toThrow('more than 999 bytes')
  })

  it('that decodes to far more than the limit does not take that much memory', async () => {
    const part = gzipSync(Buffer.alloc(1024 * 1024))
    const bomb = gzipSync(Buffer.concat(Array<Buffer>(128).fill(part)))
    const before = process.memoryUsage().arrayBuffers
    await expect(decodeBody(bomb, 'gzip, gzip', max)).rejects.toThrow('bytes after decoding')
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1024 * 1024)
  })
})
