import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../clock.ts'
import type { Events } from './answer.ts'
import { parseHeaders } from './header-writer.ts'
import { contentSecurityPolicy, securityHeaders } from './respond.ts'
import type { Observe } from './response-batcher.ts'

const lookMs = 1000
/** Looks between two heartbeats. */
const looksPerBeat = 15

type Options = {
  clock: Clock
  observe: Observe
  closing: boolean
  /** Whether its reader may still read it. */
  allowed(): Promise<boolean>
}

/**
 * Server-sent events (WHATWG HTML §9.2), with a comment now and then so that proxies keep the line open. They end within
 * a second of their reader's right. Gives back how to end the stream: its reader comes again, to another instance.
 */
export const openEventStream = (
  req: IncomingMessage,
  res: ServerResponse,
  events: Events,
  { clock, observe, closing, allowed }: Options,
): (() => void) => {
  const { requestContext } = req
  res.writeHead(200, [
    'Content-Type',
    'text/event-stream; charset=utf-8',
    'Cache-Control',
    'no-store',
    'X-Accel-Buffering',
    'no',
    ...securityHeaders,
    'Content-Security-Policy',
    contentSecurityPolicy,
    'X-Request-Id',
    requestContext.requestId,
    ...parseHeaders(requestContext.headerLines),
    ...(closing ? ['Connection', 'close'] : []),
  ])
  observe(requestContext, 200)
  let over = false
  let cancelLook = (): void => {}
  let stop = (): void => {}
  const finish = (): void => {
    if (over) return
    over = true
    req.socket.off('end', finish)
    cancelLook()
    stop()
    res.end()
  }
  if (req.method === 'HEAD' || closing || res.destroyed) finish()
  if (over) return finish
  res.flushHeaders()

  const lookAgain = (looks: number): void => {
    cancelLook = clock.after(lookMs, async () => {
      if (!(await allowed())) finish()
      if (over) return
      const beats = looks % looksPerBeat === 0
      // Who took nothing since the last one takes no more.
      if (beats && res.writableNeedDrain) return void res.destroy()
      if (beats) res.write(': still here\n\n')
      lookAgain(looks + 1)
    })
  }
  lookAgain(1)
  let number = 0
  stop = events((name, data) => {
    if (!over) res.write(`id: ${++number}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`)
  }, finish)
  if (over) stop()
  res.on('close', finish)
  req.socket.on('end', finish) // a reader with nothing more to ask is gone
  return finish
}
