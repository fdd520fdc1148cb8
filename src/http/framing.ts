import { randomUUID } from 'node:crypto'
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { atEndOfTurn, type Clock } from '../clock.ts'
import { Failure } from '../errors.ts'
import { discard, hold } from './pipelining.ts'
import { problemResponse } from './problem.ts'
import { newRequestContext } from './request-context.ts'
import { commonLines } from './respond.ts'
import type { Observe, ResponseBatcher } from './response-batcher.ts'

/** Linger before the close, so that a client that is still sending reads the answer instead of a reset. */
const lingerMs = 1000
/** A refused body with more to come than this ends its connection. */
const restMax = 64 * 1024
/** The most that is received of such a body: no client sends more in good faith. */
const drainMax = 8 * 1024 * 1024
/** What each piece of it counts at least: an event of Node takes time, however short the piece. */
const drainPieceMin = 1600

declare module 'node:net' {
  interface Socket {
    /** An answer with `Connection: close` was given: later bytes are no request. */
    isClosing?: boolean
    /** What follows is discarded before it is parsed. */
    isDiscarding?: boolean
    /** The framing is broken and its refusal was given: later bytes are discarded. */
    isBroken?: boolean
    /** The newest answer, and the one before it until that is written. */
    answer?: ServerResponse | undefined
    answerBefore?: ServerResponse | undefined
    /** Answers that wait for the end of one before them. */
    queuedAnswers?: Set<ServerResponse>
  }
}

const parserFailure = ({ code }: NodeJS.ErrnoException, headerBytesMax: number): Failure => {
  if (code === 'HPE_HEADER_OVERFLOW') {
    const detail = `Wanted: a request line and headers of at most ${headerBytesMax} bytes.`
    return new Failure('request.headers-too-large', { detail })
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new Failure('request.timeout')
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return new Failure('body.too-large')
  return new Failure('request.malformed')
}

/** Whether more of a body may come than is received for the sake of the connection. */
const hasLongRest = ({ complete, headers }: IncomingMessage): boolean =>
  !complete &&
  (/^chunked$/i.test(headers['transfer-encoding'] ?? '') || Number(headers['content-length']) > restMax)

/**
 * Ends an answer that waits for one before it when their connection ends. Node tells that only the first of them, so what the
 * others hold would never be given back.
 */
const endWithConnection = (socket: Socket, res: ServerResponse): void => {
  if (!socket.queuedAnswers) {
    const queued = new Set<ServerResponse>()
    socket.queuedAnswers = queued
    socket.once('close', () => {
      for (const answer of queued) {
        answer.destroy()
        answer.emit('close')
      }
    })
  }
  socket.queuedAnswers.add(res)
  res.once('socket', () => socket.queuedAnswers?.delete(res))
}

/**
 * Lets a sent answer go, with its request. A connection would keep both until its next request: 3 KB, which the
 * garbage collector copies again and again where thousands of connections are busy.
 */
function forget(this: ServerResponse): void {
  const { socket, complete } = this.req
  if (socket.answerBefore === this) socket.answerBefore = undefined
  if (socket.answer === this && complete) socket.answer = undefined
}

/** Refusals, and the end of their connections. Every answer is read by its client, and none is taken for that of another request. */
export const createFraming = (options: {
  clock: Clock
  responseBatcher: ResponseBatcher
  observe: Observe
  headerBytesMax: number
}) => {
  const { clock, responseBatcher, headerBytesMax } = options

  const destroyLater = (socket: Socket): void => {
    const cancel = clock.after(lingerMs, () => void socket.destroy())
    socket.once('close', cancel)
  }
  /** Ends the connection from this side, and after the linger time from both. */
  const lingerAndClose = (socket: Socket, lastBytes = ''): void => {
    socket.resume()
    socket.end(lastBytes)
    destroyLater(socket)
  }

  /**
   * Ends the connection with its newest answer, and lets the client read it. Node would destroy the connection at once. Bytes
   * that nobody has received would then reset it, and the client would lose answers.
   */
  const lingerAfterAnswer = (socket: Socket): void => {
    socket.isClosing = true
    socket.destroySoon = () => {
      socket.end()
      destroyLater(socket)
    }
  }
  /** What follows the last request is not looked at (RFC 9112 §9.3.2), so the client may send it again. */
  const discardRest = (socket: Socket): void => {
    hold(socket)
    if (socket.isDiscarding) return
    socket.isDiscarding = true
    lingerAfterAnswer(socket)
    // The parser is at work in this turn.
    atEndOfTurn(() => socket.destroyed || discard(socket, clock))
  }

  /** Ends a connection whose newest answer was given before its request broke: a second one would be taken for that of the next. */
  const endBroken = (socket: Socket): void => {
    const { answer } = socket
    if (!answer || answer.writableFinished || answer.destroyed) return void lingerAndClose(socket)
    socket.isBroken = true
    answer.once('close', () => lingerAndClose(socket))
    answer.end()
  }

  /** Sends a problem document. */
  const refuse = (req: IncomingMessage, res: ServerResponse, failure: Failure): void => {
    const { requestContext, socket } = req
    requestContext.code = failure.code
    const isLong = hasLongRest(req)
    const { awaitsContinue } = requestContext
    const isLast =
      requestContext.isLast || failure.headers?.['connection'] === 'close' || awaitsContinue || isLong
    if (isLast) socket.isClosing = true
    // The rest of the body is received while the answer stays open. After a framing fault, which no route sees, its end is unknown.
    const isFramed = requestContext.route !== 'unknown' || isLong
    const open = isLast && !req.complete && isFramed && req.method !== 'HEAD'
    responseBatcher.send(req, res, { ...problemResponse(failure, requestContext.requestId), open }, isLast)
    if (!open) return
    req.on('error', () => {}).on('end', () => res.end())
    const cancel = clock.after(lingerMs, () => void res.end())
    res.on('close', cancel)
    let left = drainMax
    req.on('data', (chunk: Buffer) => {
      left -= Math.max(chunk.length, drainPieceMin)
      if (left >= 0) return
      req.pause()
      res.end()
    })
    req.resume()
  }

  /** Refuses a request for which Node has no response object, and closes its connection. */
  const refuseRaw = (socket: Socket, failure: Failure, method = ''): void => {
    socket.isBroken = true
    socket.on('error', () => {}) // The client may reset the connection.
    const context = newRequestContext(method, randomUUID(), clock.now())
    context.code = failure.code
    const { status, lines, body } = problemResponse(failure, context.requestId)
    const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines}${commonLines(context)}Connection: close\r\n`
    const answer = (): void => {
      if (socket.writableEnded) return
      lingerAndClose(socket, `${head}\r\n${body}`)
      options.observe(context, status)
    }
    // Earlier requests are answered first.
    const last = socket.answer?.req.complete ? socket.answer : socket.answerBefore
    if (last && !last.writableFinished) last.once('close', answer)
    else answer()
  }

  return {
    refuse,
    /** Ends the connection with the answer to this request, of which the body is still received. */
    endAfter: ({ requestContext, socket }: IncomingMessage): void => {
      requestContext.isLast = true
      lingerAfterAnswer(socket)
    },
    refuseRaw,
    /** Notes the answer to a request. False: the connection is closing, so this is no request. */
    accept: ({ socket }: IncomingMessage, res: ServerResponse): boolean => {
      if (socket.isClosing) {
        discardRest(socket)
        return false
      }
      socket.answerBefore = socket.answer?.writableFinished ? undefined : socket.answer
      socket.answer = res
      res.on('finish', forget)
      if (!res.socket) endWithConnection(socket, res)
      return true
    },
    /** Answers what Node's parser could not read (`clientError`). */
    refuseBroken: (error: NodeJS.ErrnoException, duplex: Duplex): void => {
      responseBatcher.flush()
      const socket = duplex as Socket
      if (socket.isBroken || socket.isDiscarding || socket.writableEnded) return
      const { answer } = socket
      // What is broken behind the last request is refused after its answer, which ends the connection: nothing is sent.
      const isAnswered = answer ? answer.headersSent && !answer.req.complete : socket.isClosing
      if (isAnswered) endBroken(socket)
      else if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy()
      else refuseRaw(socket, parserFailure(error, headerBytesMax))
    },
  }
}
