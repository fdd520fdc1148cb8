import type { IncomingHttpHeaders } from 'node:http'
import type { Clock } from '../clock.ts'

/** The longest pause that the gateway keeps, and that it tells its callers. After it ChatHub is asked again. */
const pauseMaxMs = 3_600_000

const day = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)/

/** An HTTP date in each form of RFC 9110, section 5.6.7, as ms since 1970. The form of C names no time zone. */
const dateOf = (text: string): number =>
  day.test(text) ? Date.parse(/GMT$/.test(text) ? text : `${text} GMT`) : Number.NaN

/**
 * The pause that ChatHub asks for (RFC 9110, section 10.2.3), 1 s to 1 h. Undefined: the header is missing or invalid. A date
 * counts from the Date header of the same answer, so a clock that is wrong does not change the pause.
 */
export const retryAfter = (headers: IncomingHttpHeaders, clock: Clock): number | undefined => {
  const text =
    [headers['retry-after'] ?? '']
      .flat()[0]
      ?.split(/, *(?=\d+$)/)[0]
      ?.trim() ?? ''
  const sentAt = dateOf(headers.date ?? '') || clock.wall()
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : dateOf(text) - sentAt
  return ms >= 0 ? Math.ceil(Math.min(pauseMaxMs, Math.max(1000, ms))) : undefined
}
