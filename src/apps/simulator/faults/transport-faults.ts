import { once } from 'node:events'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { bufferOf, type Mode } from './fault.ts'
import { type Behaviours, forever } from './steps.ts'

type TransportMode =
  | 'delay'
  | 'delay-answer'
  | 'hang'
  | 'reset'
  | 'raw-socket'
  | 'stall-after'
  | 'drip'
  | 'truncate'
  | 'endless'
  | 'drop-response'
  | 'late-apply'

/** Faults of timing and of the connection. */
export const transportFaults: Behaviours<TransportMode & Mode> = {
  delay: {
    kind: 'before',
    wrap: ({ ms }, steps, { wait }) => ({
      before: async () => {
        await wait(ms)
        await steps.before()
      },
    }),
  },
  'delay-answer': {
    kind: 'after',
    wrap: ({ ms }, steps, { wait }) => ({
      deliver: async (answer) => {
        await wait(ms)
        await steps.deliver(answer)
      },
    }),
  },
  hang: { kind: 'ending', wrap: () => ({ before: forever }) },
  reset: {
    kind: 'ending',
    wrap: (_fault, _steps, { response }) => ({
      before: () => {
        resetConnection(response.socket)
        return forever()
      },
    }),
  },
  'raw-socket': {
    kind: 'ending',
    wrap: ({ bytes, close }, _steps, { response }) => ({
      before: () => {
        response.socket?.write(bufferOf(bytes))
        if (close) response.socket?.end()
        return forever()
      },
    }),
  },
  'stall-after': {
    kind: 'ending',
    wrap: ({ bytes }, _steps, { response, head }) => ({
      deliver: async ({ status, headers, body }) => {
        head(status, { ...headers, 'content-length': Math.max(body.length, bytes + 1) })
        response.write(body.subarray(0, bytes))
        response.flushHeaders()
      },
    }),
  },
  drip: {
    kind: 'ending',
    wrap: ({ ms }, _steps, { response, head, wait }) => ({
      deliver: async ({ status, headers, body }) => {
        head(status, { ...headers, 'content-length': body.length })
        for (let sent = 0; sent < body.length && !response.destroyed; sent++) {
          response.write(body.subarray(sent, sent + 1))
          await wait(ms)
        }
        response.end()
      },
    }),
  },
  truncate: {
    kind: 'ending',
    wrap: ({ bytes, chunked }, _steps, { response, head }) => ({
      deliver: async ({ status, headers, body }) => {
        head(status, chunked ? headers : { ...headers, 'content-length': Math.max(body.length, bytes + 1) })
        // FIN and not RST, so that the bytes already sent arrive.
        response.write(body.subarray(0, bytes), () => response.socket?.end())
      },
    }),
  },
  endless: {
    kind: 'ending',
    wrap: (_fault, _steps, { response, head }) => ({
      deliver: async ({ status, headers }) => {
        const rows = Buffer.from('{"id":101,"name":"John Smith","status":0},'.repeat(1500))
        const closed = new Promise((resolve) => response.once('close', resolve))
        head(status, headers)
        response.write('[')
        while (!response.destroyed) {
          const more = response.write(rows)
          await (more ? new Promise(setImmediate) : Promise.race([once(response, 'drain'), closed]))
        }
      },
    }),
  },
  'drop-response': {
    kind: 'ending',
    wrap: (_fault, _steps, { response }) => ({
      deliver: async () => void response.socket?.destroy(),
    }),
  },
  'late-apply': {
    kind: 'ending',
    wrap: ({ ms, destroy = true, status, body = '' }, _steps, { response, head, wait }) => ({
      before: () => {
        if (status !== undefined) {
          head(status, { 'content-length': Buffer.byteLength(body) })
          response.end(body)
        } else if (destroy) response.socket?.destroy()
        return wait(ms)
      },
      deliver: async () => {},
    }),
  },
}

/** Node cannot reset a TLS connection, so it is destroyed instead. */
function resetConnection(socket: Socket | null): void {
  if (socket instanceof TLSSocket) socket.destroy()
  else socket?.resetAndDestroy()
}
