import { Readable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Request, Response } from 'express'
import { receiveBody } from '../../src/http/receive-body.ts'
import { createClock } from '../support/clock.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { type RawAnswer, sendRaw } from './raw-bytes.ts'

const KiB = 1024
/** A request whose body has arrived already, in these pieces. */
const requestOf = (pieces: Buffer[], headers: Record<string, string>): Request => {
  const stream = new Readable({ read: () => {} })
  for (const piece of [...pieces, null]) stream.push(piece)
  return Object.assign(stream, { headers, requestContext: {} }) as unknown as Request
}

describe('a body', () => {
  it.each([{ 'content-length': String(1024 * KiB) }, { 'transfer-encoding': 'chunked' }])(
    'is received in slices of 128 KiB, and other requests are served between two of them: %j',
    async (headers) => {
      const pieces = Array.from({ length: 16 }, (_, index) => Buffer.alloc(64 * KiB, index))
      const events: string[] = []
      let isOver = false
      const others = async (): Promise<void> => {
        for (; !isOver; await nextTurn()) events.push('other')
      }
      const served = others()
      const look = () => void events.push('piece')
      const bounds = { bytesMax: 1024 * KiB }
      const { bytes } = await receiveBody(requestOf(pieces, headers), {} as Response, bounds, look)
      isOver = true
      await served
      expect(bytes).toEqual(Buffer.concat(pieces))
      const atOnce = events
        .join(' ')
        .split(/(?: ?other ?)+/)
        .map((run) => run.split('piece').length - 1)
      expect(Math.max(...atOnce)).toBe(2)
      expect(atOnce.reduce((sum, count) => sum + count)).toBe(16)
    },
  )

  it('of one piece waits for nothing', async () => {
    let turns = 0
    const count = setImmediate(() => turns++)
    await receiveBody(requestOf([Buffer.from('{}')], {}), {} as Response, { bytesMax: 16 })
    expect(turns).toBe(0)
    clearImmediate(count)
  })
})

describe('chunks of a body', () => {
  let gateway: TestGateway
  beforeAll(async () => {
    gateway = await startGateway()
  })
  afterAll(() => gateway.close())

  /** The answer to a body in these chunks. Without its end, the gateway has to end the connection. */
  const answerTo = (
    path: string,
    chunks: string[],
    {
      at = gateway,
      client = 'all',
      type = 'application/json',
      end = '0\r\n\r\n',
    }: { at?: TestGateway; client?: string; type?: string; end?: string } = {},
  ): Promise<RawAnswer> => {
    const head = [
      `POST ${path} HTTP/1.1`,
      'Host: x',
      `X-API-Key: ${at.keys[client]}`,
      `Content-Type: ${type}`,
    ]
    const body = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('')
    return sendRaw(at, [
      `${[...head, 'Transfer-Encoding: chunked', 'Connection: close'].join('\r\n')}\r\n\r\n${body}${end}`,
    ])
  }
  const operators = '/v1/organizations/24/operators:setStatus'
  const json = '{"status":"active","ids":[101]}'

  it('may be 4,000 of JSON, however short they are', async () => {
    const chunks = [json, ...Array.from({ length: 3999 }, () => ' ')]
    expect((await answerTo(operators, chunks)).statuses).toEqual([200])
    const { problem } = await answerTo(operators, [...chunks, ' '])
    expect(problem).toMatchObject({
      code: 'body.too-large',
      detail: 'Wanted: a body in at most 4000 chunks.',
    })
  })

  it('may be more of a file, one for each 16 bytes', async () => {
    const imports = '/v1/organizations/24/imports?dryRun=true'
    const rows = Array.from({ length: 9000 }, (_, index) => `Olena Kovalenko ${index}\n`)
    const file = { type: 'text/csv' }
    expect((await answerTo(imports, ['name\n', ...rows], file)).statuses).toEqual([200])
    const letters = Array.from({ length: 5000 }, () => 'a')
    expect((await answerTo(imports, ['name\n', ...letters], file)).problem).toMatchObject({
      code: 'body.too-large',
      detail: 'Wanted: a body in at most 4000 chunks, and one more for each 16 bytes.',
    })
  })

  it('of a refused request are not received without an end', async () => {
    // The connection lingers for a second of this clock, which stands still.
    const at = await startGateway({ clock: createClock(), clients: [{ id: 'blind', scopes: [] }] })
    const chunks = Array.from({ length: 8000 }, () => ' ')
    const answer = await answerTo(operators, chunks, { at, client: 'blind', end: '' })
    expect(answer.statuses).toEqual([403])
    await at.close()
  })
})
