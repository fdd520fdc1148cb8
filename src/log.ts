import { type DestinationStream, type Logger, pino } from 'pino'
import type { RequestContext } from './http/request-context.ts'
import type { Report } from './report.ts'

export type Log = {
  logger: Logger
  /** One line per answer: route and client, never the query, a header or a name. */
  requestAnswered(requestContext: RequestContext, status: number, ms: number): void
  /** What inner rooms tell, where somebody running the gateway wants to read it. */
  reported(report: Report): void
}

/** JSON lines on stdout (pretty on a terminal). The ready line is written by `main` at every level. */
export const createLog = (level: string, destination: DestinationStream): Log => {
  const logger = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers: { err: shown } },
    destination,
  )
  return {
    logger,
    requestAnswered: (requestContext, status, ms) => {
      const { label, value } = status >= 500 ? errorLevel : infoLevel
      if (!logger.isLevelEnabled(label)) return
      destination.write(
        `{"level":${value},"time":"${isoNow()}"${visitFields(requestContext, status, ms)},"msg":"request"}\n`,
      )
    },
    reported: (report) => {
      const level = levelOf(report)
      if (level) logger[level](report, report.name)
    },
  }
}

const infoLevel = { label: 'info', value: pino.levels.values.info }
const errorLevel = { label: 'error', value: pino.levels.values.error }

/** The fields as pino would write them, at a third of its cost; only the id of a client who is not in our file can need escaping. */
const visitFields = (
  { requestId, caller, method, route, freshness, code }: RequestContext,
  status: number,
  ms: number,
) => {
  const client = caller
    ? `,"client":${/^[\w.-]+$/.test(caller.id) ? `"${caller.id}"` : JSON.stringify(caller.id)}`
    : ''
  const cache = freshness ? `,"cache":"${freshness.how}"` : ''
  const failed = code ? `,"code":"${code}"` : ''
  const took = Math.round(ms * 100) / 100
  return `,"requestId":"${requestId}"${client},"method":"${method}","route":"${route}","status":${status},"ms":${took}${cache}${failed}`
}

let isoAt = 0
let iso = ''
/** The date as text, made once per millisecond. */
const isoNow = (): string => {
  const now = Date.now()
  if (now !== isoAt) {
    isoAt = now
    iso = new Date(now).toISOString()
  }
  return iso
}

/** An error without what hangs on it: a command that Redis refused carries its arguments, lists of people among them. */
const shown = ({ name, message, stack, code }: Error & { code?: unknown }): object => ({
  type: name,
  message,
  stack,
  code,
})

const levelOf = (report: Report): 'warn' | 'info' | 'debug' | undefined => {
  switch (report.name) {
    case 'cache':
    case 'upstream-wait':
    case 'slot-too-old':
      return undefined
    case 'upstream':
      return report.outcome === 'ok' ? 'debug' : 'warn'
    case 'login':
      return report.result === 'ok' ? 'info' : 'warn'
    case 'write':
      return 'info'
    case 'retry':
    case 'load-invalidated':
      return 'debug'
    default:
      return 'warn'
  }
}
