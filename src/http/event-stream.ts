import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../clock.ts'
import type { Events } from './answer.ts'
import { parseHeaders, serializeHeaders } from './header-writer.ts'
import { commonLines } from './respond.ts'
import type { Observe } from './response-batcher.ts'

/** How often the rights of a reader are checked. */
const checkMs = 1000
const checksPerHeartbeat = 15

export type EventStreams = {
  /** Answers with a stream. It ends within a second after `isAllowed` becomes false. */
  open(req: IncomingMessage, res: ServerResponse, events: Events, isAllowed: () => Promise<boolean>): void
  /** Ends every open stream. */
  endAll(): void
}

/**
 * Server-sent events (WHATWG HTML §9.2). A comment every 15 seconds keeps the connection open through proxies; a reader
 * that took nothing since the last one is disconnected.
 */
export const createEventStreams = (options: {
  clock: Clock
  observe: Observe
  closing(): boolean
}): EventStreams => {
  const ends = new Set<() => void>()

  const open: EventStreams['open'] = (req, res, events, isAllowed) => {
    const { requestContext } = req
    const closing = options.closing()
    const lines = serializeHeaders({
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store',
      'X-Accel-Buffering': 'no',
      ...(closing && { Connection: 'close' }),
    })
    res.writeHead(200, parseHeaders(lines + commonLines(requestContext)))
    options.observe(requestContext, 200)
    if (req.method === 'HEAD' || closing || res.destroyed) return void res.end()
    res.flushHeaders()

    let isEnded = false
    let cancelCheck = (): void => {}
    let stop = (): void => {}
    const end = (): void => {
      if (isEnded) return
      isEnded = true
      ends.delete(end)
      req.socket.off('end', end)
      cancelCheck()
      stop()
      res.end()
    }
    ends.add(end)
    res.on('close', end)
    req.socket.on('end', end) // The reader has sent FIN: it has gone.

    const checkLater = (checks: number): void => {
      cancelCheck = options.clock.after(checkMs, async () => {
        if (!(await isAllowed())) end()
        if (isEnded) return
        const isHeartbeat = checks % checksPerHeartbeat === 0
        if (isHeartbeat && res.writableNeedDrain) return void res.destroy()
        if (isHeartbeat) res.write(': still here\n\n')
        checkLater(checks + 1)
      })
    }
    checkLater(1)
    let number = 0
    const emit = (name: string, data: unknown): void => {
      if (!isEnded) res.write(`id: ${++number}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`)
    }
    stop = events(emit, end)
    if (isEnded) stop() // `events` called `end` before it returned.
  }
  return {
    open,
    endAll: () => {
      for (const end of ends) end()
    },
  }
}
