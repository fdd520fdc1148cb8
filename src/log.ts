import { type DestinationStream, pino } from 'pino'
import type { RequestContext } from './http/request-context.ts'
import type { Report } from './report.ts'
import { noTracing, type Tracing } from './tracing/tracing.ts'

/** JSON lines on stdout, pretty on a terminal. `main` writes the ready line at every level. */
export const createLog = (
  level: string,
  destination: DestinationStream,
  { logFields, logText }: Pick<Tracing, 'logFields' | 'logText'> = noTracing,
) => {
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: serializeError },
      ...(logFields && { mixin: logFields }),
    },
    destination,
  )
  return {
    logger,
    /** One line per answer: route and client, never the query, a header or a name. */
    requestAnswered: (requestContext: RequestContext, status: number, ms: number): void => {
      const label = status >= 500 ? 'error' : 'info'
      if (!logger.isLevelEnabled(label)) return
      const fields = requestFields(requestContext, status, ms) + logText(requestContext)
      destination.write(
        `{"level":${pino.levels.values[label]},"time":"${isoNow()}"${fields},"msg":"request"}\n`,
      )
    },
    /** A line for each event that an operator of the gateway wants to read. */
    reported: (report: Report): void => {
      const label = levelOf(report)
      if (label) logger[label](report, report.name)
    },
  }
}

export type Log = ReturnType<typeof createLog>

/**
 * The fields as pino writes them, at a third of its cost (`npm run bench -- hit`). Only the id of a client from a JWT can
 * need escaping.
 */
const requestFields = (
  { requestId, caller, method, route, freshness, code }: RequestContext,
  status: number,
  ms: number,
) => {
  const client = caller
    ? `,"client":${/^[\w.-]+$/.test(caller.id) ? `"${caller.id}"` : JSON.stringify(caller.id)}`
    : ''
  const cache = freshness ? `,"cache":"${freshness.how}"` : ''
  const failure = code ? `,"code":"${code}"` : ''
  const roundedMs = Math.round(ms * 100) / 100
  return `,"requestId":"${requestId}"${client},"method":"${method}","route":"${route}","status":${status},"ms":${roundedMs}${cache}${failure}`
}

let isoMadeAt = 0
let iso = ''
/** The date as text, made once per millisecond. */
const isoNow = (): string => {
  const now = Date.now()
  if (now !== isoMadeAt) {
    isoMadeAt = now
    iso = new Date(now).toISOString()
  }
  return iso
}

/** An error without its other properties: an error of ioredis carries the arguments of its command. */
const serializeError = ({ name, message, stack, code }: Error & { code?: unknown }): object => ({
  type: name,
  message,
  stack,
  code,
})

type Level = 'warn' | 'info' | 'debug'
/** Undefined: the event is only counted. Events that are not listed are warnings. */
const levels: Partial<Record<Report['name'], Level | undefined>> = {
  cache: undefined,
  'upstream-wait': undefined,
  'slot-too-old': undefined,
  'never-sent': 'debug',
  'redis-error': undefined,
  write: 'info',
  'webhook-delivery': 'info',
  'quota-exceeded': 'info',
  retry: 'debug',
  'load-invalidated': 'debug',
}

const levelOf = (report: Report): Level | undefined => {
  if (report.name in levels) return levels[report.name]
  if (report.name === 'upstream' && report.outcome === 'ok') return 'debug'
  if (report.name === 'sign-in' && report.result === 'ok') return 'info'
  return report.name === 'login' && ['ok', 'shared'].includes(report.result) ? 'info' : 'warn'
}
