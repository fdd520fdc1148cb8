import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { systemClock } from '../../src/clock.ts'
import { isFailure } from '../../src/errors.ts'
import { createFairWork } from '../../src/http/fair-work.ts'
import { createImportFileReader } from '../../src/writes/import-file.ts'
import { readText } from '../../src/writes/read-table.ts'
import { createClock } from '../support/clock.ts'
import { isLong } from '../support/long.ts'
import { until } from '../support/until.ts'
import { inline, workbook } from '../support/xlsx.ts'

const MiB = 2 ** 20
const asFile = (content: string | Buffer) => ({
  bytes: Buffer.from(content as string),
  contentType: 'text/csv',
})
const readerOn = (clock = systemClock) => createImportFileReader(clock, createFairWork())
const large = (name: string) => asFile(`name\n${`${name}\n`.repeat(5000)}`)
/** The library makes each row up to this one. */
const endless = () =>
  asFile(workbook({ data: [`<row r="4294967295">${inline('A4294967295', 'Anna')}</row>`] }))
const codeOf = async (reading: Promise<unknown>): Promise<string | undefined> => {
  try {
    await reading
    return undefined
  } catch (error) {
    if (!isFailure(error, 'request.invalid-body')) throw error
    return error.errors?.[0]?.code
  }
}

describe('a file that is read in a thread', () => {
  it.each([
    ['line ends', Buffer.alloc(8 * MiB, '\n'), 'empty'],
    ['quotes', Buffer.alloc(8 * MiB, '"'), 'length'],
    ['delimiters', Buffer.alloc(8 * MiB, ','), 'length'],
    ['zeros', Buffer.alloc(8 * MiB), 'encoding'],
    ['odd bytes', Buffer.alloc(8 * MiB, 0xfe), 'length'],
    ['short rows', Buffer.alloc(8 * MiB, 'a\n'), 'length'],
  ])('leaves the event loop to others: %s', async (_name, bytes, code) => {
    let turns = 0
    let isDone = false
    const count = (): void => {
      turns++
      if (!isDone) setImmediate(count)
    }
    setImmediate(count)
    expect(await codeOf(readerOn()('client', asFile(bytes), {}))).toBe(code)
    isDone = true
    // Read on the spot, or in slices, it takes fewer.
    expect(turns).toBeGreaterThan(100)
  })

  it('has the rows that it has when it is read on the spot', async () => {
    const part = fc.constantFrom(
      ...['a', ' ', ',', '"', '""', '\n', '\r', '\r\n', '"b\nc"', ',"d', '"\n', 'Ґанна 😀'],
      ...[`\n"${'y\r\n'.repeat(200)}",`, `\n"${'z'.repeat(33_000)}"`],
    )
    const text = fc.array(part, { minLength: 1, maxLength: 60, size: 'max' }).map((parts) => parts.join(''))
    const read = readerOn()
    await fc.assert(
      fc.asyncProperty(text, async (some) => {
        const content = `name\n${some}\n${'Borys\n'.repeat(3000)}`
        expect(await read('client', asFile(content), {})).toEqual(readText(asFile(content), {}))
      }),
      { numRuns: isLong ? 100 : 5 },
    )
  })

  it('is ended when its time is up. A small text does not wait for it, and the next file is read', async () => {
    const clock = createClock()
    const read = readerOn(clock)
    const hostile = codeOf(read('one', endless(), {}))
    const next = read('two', large('Anna'), {})
    await until(() => clock.pending() === 1)
    expect((await read('three', asFile('name\nBorys\n'), {})).rows).toHaveLength(1)
    await clock.advance(15_000)
    expect([await hostile, (await next).rows.length]).toEqual(['large', 5000])
  })

  it('is ended when its memory is full, and the next file is read', async () => {
    const read = readerOn(createClock())
    expect(await codeOf(read('one', endless(), {}))).toBe('large')
    expect((await read('one', large('Anna'), {})).rows).toHaveLength(5000)
  })

  it('waits for the one before it, and clients take turns', async () => {
    const read = readerOn()
    const order: string[] = []
    const ask = (client: string) => read(client, large(client), {}).then(() => order.push(client))
    await Promise.all([ask('many'), ask('many'), ask('many'), ask('few')])
    expect(order).toEqual(['many', 'few', 'many', 'many'])
  })
})
