import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { createLog } from '../src/log.ts'
import { prettyLine } from '../src/pretty-line.ts'
import { anyText } from './support/any-text.ts'

/** What a terminal shows for a line of the log. */
const shown = (write: (log: ReturnType<typeof createLog>) => void, isColored = true): string => {
  const lines: string[] = []
  write(createLog('info', { write: (line) => lines.push(prettyLine(line, isColored)) }))
  return lines.join('')
}

describe('a line for a terminal', () => {
  it('has the time, the level, the message and the fields', () => {
    const text = shown(({ logger }) => logger.info({ proxy: 'http://p', tries: 2 }, 'a message'))
    expect(text).toMatch(/^\d\d:\d\d:\d\d\.\d{3} info a message proxy=http:\/\/p tries=2\n$/)
  })

  it('colours warnings and errors', () => {
    expect(shown(({ logger }) => logger.warn('careful'))).toContain('\u001b[33mwarn\u001b[39m careful\n')
    expect(shown(({ logger }) => logger.error('broken'))).toContain('\u001b[31merror\u001b[39m broken\n')
    expect(shown(({ logger }) => logger.fatal('over'))).toContain('\u001b[31mfatal\u001b[39m over\n')
    expect(shown(({ logger }) => logger.fatal('over'), false)).toContain(' fatal over\n')
  })

  it('shows the stack of an error below', () => {
    const text = shown(({ logger }) =>
      logger.error({ err: new TypeError('no such thing') }, 'internal error'),
    )
    const [first, second, third] = text.split('\n')
    expect(first).toContain('internal error')
    expect(second).toBe('  TypeError: no such thing')
    expect(third).toMatch(/^ {6}at /)
  })

  it('shows a request as the log writes it', () => {
    const requestContext = {
      requestId: 'abcdefgh',
      method: 'GET',
      route: '/livez',
      caller: undefined,
    } as never
    const text = shown((log) => log.requestAnswered(requestContext, 200, 1.234))
    expect(text).toMatch(/ info request requestId=abcdefgh method=GET route=\/livez status=200 ms=1\.23\n$/)
  })

  it('has control characters as escapes, also those that JSON may hold as they are', () => {
    const text = shown(({ logger }) => logger.info('\t \u001b \u007f \u009b31m'))
    expect(text).toContain(' info \\t \\x1B \\x7F \\x9B31m\n')
  })

  it('never passes on a control character but its own colours and line ends', () => {
    const anything = anyText()
    fc.assert(
      fc.property(anything, anything, (message, value) => {
        const text = shown(({ logger }) => logger.info({ value, list: [value] }, message))
        expect(text.slice(0, -1)).not.toMatch(/\p{Cc}/u)
      }),
    )
  })
})
