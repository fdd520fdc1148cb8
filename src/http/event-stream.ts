import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Caller, minterOf } from '../access/caller.ts'
import { type Clock, every, inSlices } from '../clock.ts'
import { Failure } from '../errors.ts'
import type { Events } from './answer.ts'
import { parseHeaders, serializeHeaders } from './header-writer.ts'
import { commonLines } from './respond.ts'
import type { Observe } from './response-batcher.ts'
import { drained } from './send-body.ts'

/** How often the rights of a reader are checked. */
const checkMs = 500
const checksPerHeartbeat = 30
/** A reader that has not taken so many bytes is disconnected; what its connection holds comes in addition. */
const waitingBytesMax = 64 * 1024
/** How long a browser waits before it connects again. */
const retryMs = 2000

type OpenStream = { check(): void; end(): void }

/** An event as text (WHATWG HTML §9.2). */
export const eventText = (name: string, data: unknown, id: string | number): string =>
  `id: ${id}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`

/**
 * Server-sent events. A comment every 15 seconds keeps the connection open through proxies. A reader that took nothing since
 * the last one, or that leaves too much waiting, is disconnected.
 */
export const createEventStreams = (options: {
  clock: Clock
  observe: Observe
  closing(): boolean
  /** The most open streams of one client. */
  streamsMax: number
}) => {
  const openOf = createOpenStreams(options.streamsMax)
  const streams = new Set<OpenStream>()
  let stopChecks: (() => void) | undefined
  const opened = (stream: OpenStream): void => {
    streams.add(stream)
    // One timer for all of them.
    stopChecks ??= every(options.clock, checkMs, () => void inSlices(streams, (one) => one.check()))
  }
  const ended = (stream: OpenStream): boolean => {
    const wasOpen = streams.delete(stream)
    if (streams.size === 0) {
      stopChecks?.()
      stopChecks = undefined
    }
    return wasOpen
  }
  return {
    /**
     * Answers with a stream. It ends within half a second after `callerNow` gives nobody.
     * @throws Failure `quota.exceeded`
     */
    open: (
      req: IncomingMessage,
      res: ServerResponse,
      events: Events,
      callerNow: () => Promise<Caller | undefined>,
    ): void => {
      const leave = openOf(minterOf(req.requestContext.caller?.id ?? ''))
      const closing = options.closing()
      const lines = serializeHeaders({
        'Content-Type': 'text/event-stream; charset=utf-8',
        'Cache-Control': 'no-store',
        'X-Accel-Buffering': 'no',
        ...(closing && { Connection: 'close' }),
      })
      // The end of the connection ends the stream, so events need no chunks around them.
      res.useChunkedEncodingByDefault = false
      res.writeHead(200, parseHeaders(lines + commonLines(req.requestContext)))
      options.observe(req.requestContext, 200)
      if (req.method === 'HEAD' || closing || res.destroyed) {
        leave()
        return void res.end()
      }

      let checks = 0
      const check = async (): Promise<void> => {
        const caller = await callerNow()
        if (!caller) return stream.end()
        if (!streams.has(stream)) return
        source?.narrow?.(caller)
        if (++checks % checksPerHeartbeat !== 0) return
        if (res.writableNeedDrain) res.destroy()
        else res.write(source?.heartbeat?.() ?? ': still here\n\n')
      }
      const stream: OpenStream = {
        check: () => void check(),
        end: () => {
          if (!ended(stream)) return
          leave()
          req.socket.off('end', stream.end)
          source?.stop()
          res.end()
        },
      }
      opened(stream)
      res.on('close', stream.end)
      req.socket.on('end', stream.end) // The reader has sent FIN.
      res.write(`retry: ${retryMs}\n\n`)
      let source: ReturnType<Events> | undefined
      source = events({
        send: (text) => {
          if (!streams.has(stream)) return
          if (res.writableLength > waitingBytesMax) res.destroy()
          else res.write(text)
        },
        drained: () => drained(res),
        end: stream.end,
      })
      if (!streams.has(stream)) source.stop() // `events` called `end` before it returned.
    },
    endAll: (): void => {
      for (const stream of streams) stream.end()
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
