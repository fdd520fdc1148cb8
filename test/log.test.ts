import { describe, expect, it } from '@jest/globals'
import { pino } from 'pino'
import type { RequestContext } from '../src/http/request-context.ts'
import { createLog } from '../src/log.ts'

const visit = {
  requestId: 'abcdefgh',
  startedAt: 0,
  method: 'GET',
  route: '/v1/organizations/{org}/operators',
  caller: { id: 'a "client"\n\u2028 Ірина' },
  freshness: { how: 'hit' },
  code: undefined,
  lines: '',
} as unknown as RequestContext

const written = (level: string, work: (log: ReturnType<typeof createLog>) => void): string[] => {
  const lines: string[] = []
  work(createLog(level, { write: (line) => void lines.push(line) }))
  return lines
}

describe('the line of a request', () => {
  it('is the one that pino would write', () => {
    const lines: string[] = []
    const base = { base: null, timestamp: () => ',"time":"T"' }
    const { requestId, method, route, caller } = visit
    const fields = { requestId, client: caller?.id, method, route, status: 200, ms: 1.23, cache: 'hit' }
    pino(base, { write: (line) => void lines.push(line) }).info(fields, 'request')
    const [ours] = written('info', (log) => log.requestAnswered(visit, 200, 1.2345))
    expect(ours?.replace(/"time":"\d{4}-\d\d-\d\dT[\d:.]+Z"/, '"time":"T"')).toBe(lines[0])
  })

  it('leaves out what is not known, names the failure, and is an error from 500 on', () => {
    const bare = {
      ...visit,
      caller: undefined,
      freshness: undefined,
      code: 'gateway.internal',
    } as RequestContext
    const [line = ''] = written('error', (log) => {
      log.requestAnswered(bare, 499, 1)
      log.requestAnswered(bare, 500, 1)
    })
    const { time, ...fields } = JSON.parse(line)
    expect(fields).toEqual({
      level: 50,
      requestId: 'abcdefgh',
      method: 'GET',
      route: visit.route,
      status: 500,
      ms: 1,
      code: 'gateway.internal',
      msg: 'request',
    })
    expect(written('silent', (log) => log.requestAnswered(bare, 500, 1))).toEqual([])
  })
})
