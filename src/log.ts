import { type DestinationStream, type Logger, pino } from 'pino'
import type { RequestContext } from './http/request-context.ts'
import type { Report } from './report.ts'

export type Log = {
  logger: Logger
  /** One line per answer: route and client, never the query, a header or a name. */
  requestAnswered(requestContext: RequestContext, status: number, ms: number): void
  /** A line for each event that an operator of the gateway wants to read. */
  reported(report: Report): void
}

/** JSON lines on stdout, pretty on a terminal. `main` writes the ready line at every level. */
export const createLog = (level: string, destination: DestinationStream): Log => {
  const logger = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers: { err: serializeError } },
    destination,
  )
  return {
    logger,
    requestAnswered: (requestContext, status, ms) => {
      const label = status >= 500 ? 'error' : 'info'
      if (!logger.isLevelEnabled(label)) return
      const fields = requestFields(requestContext, status, ms)
      destination.write(
        `{"level":${pino.levels.values[label]},"time":"${isoNow()}"${fields},"msg":"request"}\n`,
      )
    },
    reported: (report) => {
      const level = levelOf(report)
      if (level) logger[level](report, report.name)
    },
  }
}

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

const levelOf = (report: Report): 'warn' | 'info' | 'debug' | undefined => {
  switch (report.name) {
    case 'cache':
    case 'upstream-wait':
    case 'slot-too-old':
    case 'redis-error':
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
