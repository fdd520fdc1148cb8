import type { Event, Operation } from './api.ts'
import { ConnectionError, GatewayError, TimeoutError } from './errors.ts'
import { readEvents, type StreamedEvent } from './event-stream.ts'
import { backoff, isPassing, type Send, waitFor } from './send.ts'

/** The gateway sends something every 15 seconds. */
const silentMs = 45_000

export type FollowOptions = { signal?: AbortSignal }
export type EventFilter = {
  organizations?: number[]
  types?: Exclude<Event['type'], 'resync'>[]
  /** Only what follows this event. Default: what happens from now on. */
  after?: string
}
export type SubscribeOptions = FollowOptions & {
  /** Told when the stream opens, and when it breaks or an attempt fails. */
  onConnection?: (isOpen: boolean) => void
}
export type WaitOptions = FollowOptions & {
  /** Gets each state of the operation, the final one too. */
  onProgress?: (operation: Operation) => void
  /** Ms. Default: as long as it takes. */
  timeout?: number
}

const isFinal = ({ state }: Operation): boolean => state !== 'queued' && state !== 'running'

/** Where a stream goes on: behind `last`, after `retryAfter` seconds, which `failed` connections make longer. */
type Place = { last: string | undefined; failed: number; retryAfter: number }

type Stream = { path: string; query: object; tell: (isOpen: boolean) => void; signal: AbortSignal }

/** @throws the error, when it does not pass */
const noteFailure = (place: Place, error: unknown): void => {
  if (!(error instanceof GatewayError && isPassing(error))) throw error
  place.failed++
  place.retryAfter = error.retryAfter ?? 1
}

/** Streams that come back by themselves when their connection breaks. */
export const createFollow = (send: Send, pause = waitFor) => {
  async function* once(
    path: string,
    query: object,
    headers: Record<string, string>,
    signal: AbortSignal,
  ): AsyncGenerator<StreamedEvent, void, undefined> {
    const silent = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const heard = (): void => {
      clearTimeout(timer)
      timer = setTimeout(() => silent.abort(), silentMs)
    }
    heard()
    const request = { method: 'GET', path, query, timeout: Infinity, retries: 0 }
    try {
      const body = await send({
        ...request,
        headers: { Accept: 'text/event-stream', ...headers },
        signal: AbortSignal.any([signal, silent.signal]),
        read: async (response) => response.body,
      })
      if (body) yield* readEvents(body, heard)
    } catch (error) {
      if (!silent.signal.aborted) throw error
      throw new ConnectionError('connection', 'The stream fell silent.', { cause: error })
    } finally {
      clearTimeout(timer)
      silent.abort()
    }
  }

  /** The events of one connection. It notes in `place` where the next one goes on, and when. */
  async function* connection({ path, query, tell, signal }: Stream, place: Place) {
    const headers: Record<string, string> = place.last === undefined ? {} : { 'Last-Event-ID': place.last }
    try {
      for await (const event of once(path, query, headers, signal)) {
        tell(true)
        Object.assign(place, { failed: 0, retryAfter: 1, last: event.id ?? place.last })
        if (event.data) yield event
      }
    } catch (error) {
      if (!signal.aborted) noteFailure(place, error)
    }
  }

  /** All events until the signal aborts. @throws GatewayError for what does not pass, such as a revoked key */
  async function* events(stream: Stream, last?: string) {
    const { signal } = stream
    const place: Place = { last, failed: 0, retryAfter: 1 }
    while (!signal.aborted) {
      yield* connection(stream, place)
      if (signal.aborted) return
      stream.tell(false)
      await pause(backoff(place.failed, place.retryAfter), signal).catch(() => {})
    }
  }

  async function* watch(operation: string, { signal = never() }: FollowOptions = {}) {
    const path = `/v1/operations/${encodeURIComponent(operation)}/events`
    for await (const { data } of events({ path, query: {}, tell: nobody, signal })) {
      const state: Operation = JSON.parse(data)
      yield state
      if (isFinal(state)) return
    }
  }

  return {
    /** Each state of an operation, up to the final one. */
    watch,
    /** The final state of an operation: `done`, `cancelled` or `needsReview`. @throws TimeoutError */
    wait: async (operation: string | Operation, options: WaitOptions = {}): Promise<Operation> => {
      const { onProgress, timeout = Infinity, signal } = options
      const late = timeout === Infinity ? never() : AbortSignal.timeout(timeout)
      const id = typeof operation === 'string' ? operation : operation.id
      const either = signal ? AbortSignal.any([late, signal]) : late
      for await (const state of watch(id, { signal: either })) {
        onProgress?.(state)
        if (isFinal(state)) return state
      }
      signal?.throwIfAborted()
      throw new TimeoutError('timeout', `The operation has not ended within ${timeout} ms.`)
    },
    /**
     * What changes, from now on. It comes back by itself and goes on behind the last event. `resync` says that events are
     * missing: read the lists again.
     */
    subscribe: async function* (
      { after, ...filter }: EventFilter = {},
      { signal = never(), onConnection = nobody }: SubscribeOptions = {},
    ): AsyncGenerator<Event, void, undefined> {
      let wasOpen: boolean | undefined
      const tell = (isOpen: boolean): void => {
        if (isOpen !== wasOpen) onConnection(isOpen)
        wasOpen = isOpen
      }
      const stream = { path: '/v1/events', query: filter, tell, signal }
      for await (const { data } of events(stream, after)) yield JSON.parse(data)
    },
  }
}

const nobody = (): void => {}
const never = (): AbortSignal => new AbortController().signal

export type Follow = ReturnType<typeof createFollow>
