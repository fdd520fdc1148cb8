import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { isLong } from '../support/long.ts'
import { raw } from './raw.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway()
})
afterAll(() => gateway.close())

const post = async (path: string, body: string) => {
  const begun = performance.now()
  const answer = await raw(gateway, path, {
    method: 'POST',
    body,
    headers: { 'Content-Type': 'application/json' },
  })
  return {
    status: answer.status,
    size: answer.body.length,
    problem: JSON.parse(answer.body.toString()) as {
      code: string
      errors: { pointer: string; code: string }[]
    },
    // Judged in the long form only: a busy machine takes longer.
    ms: isLong ? performance.now() - begun : 0,
  }
}
const validate = '/v1/tokens:validate'
const operators = '/v1/organizations/24/operators'
const filled = (size: number, piece: string, [before, after] = ['', '']) =>
  before + piece.repeat((size - before.length - after.length) / piece.length) + after

// Without the limits each blocks the process for 1.6 to 3 s, with them for some milliseconds (`npm run test:long`).
describe('a body that is made to be costly is refused, with a bounded answer', () => {
  it.each([
    ['a string that never ends', filled(65_536, '\\"', ['"', ''])],
    ['quotes alone', filled(65_535, '"')],
    ['a key that never ends', filled(65_536, '\\"', ['{"', ''])],
  ])('%s', async (_name, body) => {
    const { status, problem, ms } = await post(validate, body)
    expect([status, problem.code, problem.errors[0]?.code]).toEqual([400, 'request.malformed', 'syntax'])
    expect(ms).toBeLessThan(500)
  })

  const tooMany = (detail: string) => [{ pointer: '', code: 'range', detail }]

  it('a fault in every entry: the first thousand are listed, and that there are more', async () => {
    const body = filled(20_000, '{},', ['[', '{}]'])
    const { status, size, problem } = await post('/api/operator/synchronize', body)
    expect([status, problem.code, problem.errors.length]).toEqual([400, 'request.invalid', 1001])
    expect([problem.errors[0], problem.errors[999], problem.errors[1000]]).toEqual([
      expect.objectContaining({ pointer: '/0/organizationId', code: 'required' }),
      expect.objectContaining({ pointer: '/499/name', code: 'required' }),
      expect.objectContaining({ pointer: '', code: 'more' }),
    ])
    expect(size).toBeLessThan(200_000)
  })

  it('too many entries: one fault for their number', async () => {
    const body = filled(9000, '{},', ['{"operators":[', '{}]}'])
    const { status, problem } = await post(operators, body)
    expect([status, problem.errors]).toEqual([
      422,
      [{ pointer: '/operators', code: 'range', detail: 'Wanted: at most 1000 entries.' }],
    ])
  })

  it('far too many entries, keys, empty lists or numbers: one fault before anything is parsed', async () => {
    for (const piece of ['{},', '{"name":""},', '[],', '1,', '"",', ',', ':', '{"a":1},']) {
      const { status, problem, ms } = await post(
        operators,
        filled(2 ** 20 - 2, piece, ['{"operators":[', '0]}']),
      )
      const wanted = piece === ':' ? '1000 keys in an object' : '10000 keys and entries'
      expect([piece, status, problem.errors]).toEqual([piece, 422, tooMany(`Wanted: at most ${wanted}.`)])
      expect(ms).toBeLessThan(500)
    }
  })

  it('a thousand and one keys in one object: one fault, also where they are equal or unknown', async () => {
    for (const key of [(index: number) => `k${index}`, () => 'a', (index: number) => `"${index}`.slice(1)]) {
      const fields = Array.from({ length: 1001 }, (_, index) => `"${key(index)}":1`)
      const { status, problem } = await post(operators, `{${fields.join(',')}}`)
      expect([status, problem.errors]).toEqual([422, tooMany('Wanted: at most 1000 keys in an object.')])
    }
  })

  it('on a drop-in path they are 400', async () => {
    const keys = Array.from({ length: 1001 }, (_, index) => `"k${index}":1`).join(',')
    expect(await post('/api/operator/status', `{${keys}}`)).toMatchObject({
      status: 400,
      problem: { code: 'request.invalid', errors: tooMany('Wanted: at most 1000 keys in an object.') },
    })
  })
})
