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

  it('a fault in every entry: the first thousand are listed, and that there are more', async () => {
    const body = filled(2 ** 20 - 2, '{},', ['[', '{}]'])
    const { status, size, problem, ms } = await post('/api/operator/synchronize', body)
    expect([status, problem.code, problem.errors.length]).toEqual([400, 'request.invalid', 1001])
    expect([problem.errors[0], problem.errors[999], problem.errors[1000]]).toEqual([
      expect.objectContaining({ pointer: '/0/organizationId', code: 'required' }),
      expect.objectContaining({ pointer: '/499/name', code: 'required' }),
      expect.objectContaining({ pointer: '', code: 'more' }),
    ])
    expect(size).toBeLessThan(200_000)
    expect(ms).toBeLessThan(1000)
  })

  it('far too many entries: one fault for their number', async () => {
    const body = filled(2 ** 20 - 2, '{},', ['{"operators":[', '{}]}'])
    const { status, problem, ms } = await post(operators, body)
    expect([status, problem.errors]).toEqual([
      422,
      [{ pointer: '/operators', code: 'range', detail: 'Wanted: at most 1000 entries.' }],
    ])
    expect(ms).toBeLessThan(1000)
  })

  it('70,000 unknown fields: the first thousand are listed', async () => {
    const fields = Array.from({ length: 70_000 }, (_, index) => `"k${index}":1`)
    const { status, problem, ms } = await post(operators, `{${fields.join(',')}}`)
    expect([status, problem.errors.length]).toEqual([422, 1001])
    expect(ms).toBeLessThan(1000)
  })
})
