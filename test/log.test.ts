import { describe, expect, it } from '@jest/globals'
import { pino } from 'pino'
import type { RequestContext } from '../src/http/request-context.ts'
import { createLog } from '../src/log.ts'

const context = {
  requestId: 'abcdefgh',
  startedAt: 0,
  method: 'GET',
  route: '/v1/organizations/{org}/operators',
  caller: { id: 'a "client"\n\u2028 Ірина' },
  freshness: { how: 'hit' },
  code: undefined,
  lines: '',
} as unknown as RequestContext

const linesOf = (level: string, work: (log: ReturnType<typeof createLog>) => void): string[] => {
  const lines: string[] = []
  work(createLog(level, { write: (line) => void lines.push(line) }))
  return lines
}

describe('the line of a request', () => {
  it('is identical to the line that pino writes', () => {
    const expected: string[] = []
    const base = { base: null, timestamp: () => ',"time":"T"' }
    const { requestId, method, route, caller } = context
    const fields = { requestId, client: caller?.id, method, route, status: 200, ms: 1.23, cache: 'hit' }
    pino(base, { write: (text) => void expected.push(text) }).info(fields, 'request')
    const [line] = linesOf('info', (log) => log.requestAnswered(context, 200, 1.2345))
    expect(line?.replace(/"time":"\d{4}-\d\d-\d\dT[\d:.]+Z"/, '"time":"T"')).toBe(expected[0])
  })

  it('omits unknown fields, names the failure, and has level error from status 500', () => {
    const minimal = {
      ...context,
      caller: undefined,
      freshness: undefined,
      code: 'gateway.internal',
    } as RequestContext
    const [line = ''] = linesOf('error', (log) => {
      log.requestAnswered(minimal, 499, 1)
      log.requestAnswered(minimal, 500, 1)
    })
    const { time, ...fields } = JSON.parse(line)
    expect(fields).toEqual({
      level: 50,
      requestId: 'abcdefgh',
      method: 'GET',
      route: context.route,
      status: 500,
      ms: 1,
      code: 'gateway.internal',
      msg: 'request',
    })
    expect(linesOf('silent', (log) => log.requestAnswered(minimal, 500, 1))).toEqual([])
  })
})
