import type { IncomingMessage, ServerResponse } from 'node:http'
import { minterOf } from '../access/caller.ts'
import { type Clock, every } from '../clock.ts'
import { Failure } from '../errors.ts'
import type { Events } from './answer.ts'
import { parseHeaders, serializeHeaders } from './header-writer.ts'
import { commonLines } from './respond.ts'
import type { Observe } from './response-batcher.ts'

/** How often the rights of a reader are checked. */
const checkMs = 500
const checksPerHeartbeat = 30

/**
 * Server-sent events (WHATWG HTML §9.2). A comment every 15 seconds keeps the connection open through proxies; a reader
 * that took nothing since the last one is disconnected.
 */
export const createEventStreams = (options: {
  clock: Clock
  observe: Observe
  closing(): boolean
  /** The most open streams of one client. */
  streamsMax: number
}) => {
  const openOf = createOpenStreams(options.streamsMax)
  /** Ends the stream; one function for each open stream. */
  const ends = new Set<() => void>()
  return {
    /**
     * Answers with a stream. It ends within half a second after `isAllowed` becomes false.
     * @throws Failure `quota.exceeded`
     */
    open: (
      req: IncomingMessage,
      res: ServerResponse,
      events: Events,
      isAllowed: () => Promise<boolean>,
    ): void => {
      const leave = openOf(minterOf(req.requestContext.caller?.id ?? ''))
      const closing = options.closing()
      const lines = serializeHeaders({
        'Content-Type': 'text/event-stream; charset=utf-8',
        'Cache-Control': 'no-store',
        'X-Accel-Buffering': 'no',
        ...(closing && { Connection: 'close' }),
      })
      res.writeHead(200, parseHeaders(lines + commonLines(req.requestContext)))
      options.observe(req.requestContext, 200)
      if (req.method === 'HEAD' || closing || res.destroyed) {
        leave()
        return void res.end()
      }
      res.flushHeaders()

      let stop = (): void => {}
      const end = (): void => {
        if (!ends.delete(end)) return
        leave()
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

/** Counts the open streams of each client at this instance. */
const createOpenStreams = (most: number) => {
  const counts = new Map<string, number>()
  return (client: string): (() => void) => {
    const others = counts.get(client) ?? 0
    if (others >= most)
      throw new Failure('quota.exceeded', {
        detail: `This client has ${others} event streams open at this instance, and ${most} is the limit.`,
        retryAfterMs: 1000,
        headers: { 'RateLimit-Policy': `"client-streams";q=${most}`, RateLimit: '"client-streams";r=0' },
      })
    counts.set(client, others + 1)
    return () => {
      const left = (counts.get(client) as number) - 1
      if (left > 0) counts.set(client, left)
      else counts.delete(client)
    }
  }
}
