import type { IncomingMessage, ServerResponse } from 'node:http'
import { atEndOfTurn, type Clock } from '../clock.ts'
import type { ConnectionBurst } from './connection-burst.ts'
import { createWriteHead } from './header-writer.ts'
import type { RequestContext } from './request-context.ts'
import { commonLines, type Response } from './respond.ts'
import { sendBody } from './send-body.ts'

/** Called once for every answer, when it is sent. */
export type Observe = (requestContext: RequestContext, status: number) => void

/** The first answer of a batch waits for at most this many others. */
const waitingMax = 128
/**
 * Full batches that one turn sends at once; its other answers wait for its end. libuv takes events from the kernel 1,024 at a
 * time and ends the turn when it gets fewer. If each answer brought the next request in the same turn, more than 1,024 busy
 * connections would keep the turn going for seconds, without timers, immediates and new connections.
 */
const batchesMax = 4

/**
 * Flushes the answers of one event-loop turn together: throughput of `npm run bench -- hit` +25 %. An answer that cannot be
 * sent ends its own connection and is reported; the others of its batch are sent.
 */
export const createResponseBatcher = (options: {
  observe: Observe
  closing(): boolean
  onInternal(error: unknown, requestId: string): void
  clock: Clock
  connectionBurst: ConnectionBurst
}) => {
  const { connectionBurst } = options
  const writeHead = createWriteHead(options.clock)
  const writeAnswer = (
    { method, requestContext }: IncomingMessage,
    res: ServerResponse,
    answer: Response,
    last: boolean,
  ) => {
    // A client that waits for 100-continue may send its body or not, so the next request could not be found.
    const isLast = last || requestContext.isLast || requestContext.awaitsContinue
    writeHead(res, answer.status, answer.lines + commonLines(requestContext, answer.policy), isLast)
    if (answer.body === undefined || method === 'HEAD') res.end()
    else if (answer.open) res.write(answer.body)
    else sendBody(res, answer.body)
  }
  let waiting: (() => void)[] = []
  let batches = 0
  const flush = (): void => {
    const writes = waiting
    waiting = []
    for (const write of writes) write()
  }
  const endTurn = (): void =>
    connectionBurst.after(() => {
      batches = 0
      flush()
    })
  return {
    /** Sends the waiting answers, before something else is written to their connections. */
    flush,
    /**
     * Sends an answer at the end of this turn of the event loop. `last`: the connection ends with it. An open answer is sent
     * at once, because its sender continues it.
     */
    send: (req: IncomingMessage, res: ServerResponse, answer: Response, last = false): void => {
      const write = (): void => {
        try {
          writeAnswer(req, res, answer, last || options.closing())
          // A write has ended, however long its client takes to receive the answer.
          req.requestContext.permit?.leave()
          options.observe(req.requestContext, answer.status)
        } catch (error) {
          if (!res.writableEnded) res.destroy()
          options.onInternal(error, req.requestContext.requestId)
        }
      }
      if (answer.open) return void write()
      if (waiting.length === 0 && batches === 0) atEndOfTurn(endTurn)
      if (waiting.push(write) < waitingMax || batches >= batchesMax || connectionBurst.isOpen()) return
      batches++
      flush()
    },
  }
}

export type ResponseBatcher = ReturnType<typeof createResponseBatcher>
