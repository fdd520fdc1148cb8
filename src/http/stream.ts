import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../clock.ts'
import type { Events } from './answer.ts'
import { contentSecurityPolicy, type Observe, securityHeaders } from './respond.ts'

const heartbeatMs = 15_000

/**
 * Server-sent events (WHATWG HTML §9.2), with a comment now and then so that proxies keep the line open. Gives back how
 * to end the stream: its reader comes again, to another instance.
 */
export const stream = (
  req: IncomingMessage,
  res: ServerResponse,
  events: Events,
  observe: Observe,
  clock: Clock,
): (() => void) => {
  const { visit } = req
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
    visit.requestId,
    ...visit.headers,
  ])
  observe(visit, 200)
  let number = 0
  let cancelBeat = (): void => {}
  const beat = (): void => {
    cancelBeat = clock.after(heartbeatMs, () => {
      res.write(': still here\n\n')
      beat()
    })
  }
  let stop = (): void => {}
  let over = false
  const finish = (): void => {
    if (over) return
    over = true
    cancelBeat()
    stop()
    res.end()
  }
  beat()
  stop = events((name, data) => {
    if (!over) res.write(`id: ${++number}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`)
  }, finish)
  if (over) stop()
  res.on('close', finish)
  return finish
}
