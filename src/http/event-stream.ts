import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Clock, every } from '../clock.ts'
import type { Events } from './answer.ts'
import { parseHeaders, serializeHeaders } from './header-writer.ts'
import { commonLines } from './respond.ts'
import type { Observe } from './response-batcher.ts'

/** How often the rights of a reader are checked. */
const checkMs = 1000
const checksPerHeartbeat = 15

/**
 * Server-sent events (WHATWG HTML §9.2). A comment every 15 seconds keeps the connection open through proxies; a reader
 * that took nothing since the last one is disconnected.
 */
export const createEventStreams = (options: { clock: Clock; observe: Observe; closing(): boolean }) => {
  /** Ends the stream; one function for each open stream. */
  const ends = new Set<() => void>()
  return {
    /** Answers with a stream. It ends within a second after `isAllowed` becomes false. */
    open: (
      req: IncomingMessage,
      res: ServerResponse,
      events: Events,
      isAllowed: () => Promise<boolean>,
    ): void => {
      const closing = options.closing()
      const lines = serializeHeaders({
        'Content-Type': 'text/event-stream; charset=utf-8',
        'Cache-Control': 'no-store',
        'X-Accel-Buffering': 'no',
        ...(closing && { Connection: 'close' }),
      })
      res.writeHead(200, parseHeaders(lines + commonLines(req.requestContext)))
      options.observe(req.requestContext, 200)
      if (req.method === 'HEAD' || closing || res.destroyed) return void res.end()
      res.flushHeaders()

      let stop = (): void => {}
      const end = (): void => {
        if (!ends.delete(end)) return
        req.socket.off('end', end)
        cancelChecks()
        stop()
        res.end()
      }
      ends.add(end)
      res.on('close', end)
      req.socket.on('end', end) // The reader has sent FIN.

      let checks = 0
      const cancelChecks = every(options.clock, checkMs, async () => {
        if (!(await isAllowed())) return end()
        if (++checks % checksPerHeartbeat !== 0 || !ends.has(end)) return
        if (res.writableNeedDrain) res.destroy()
        else res.write(': still here\n\n')
      })
      let number = 0
      const emit = (name: string, data: unknown): void => {
        if (ends.has(end)) res.write(`id: ${++number}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`)
      }
      stop = events(emit, end)
      if (!ends.has(end)) stop() // `events` called `end` before it returned.
    },
    /** Ends every open stream. */
    endAll: (): void => {
      for (const end of ends) end()
    },
  }
}

export type EventStreams = ReturnType<typeof createEventStreams>
