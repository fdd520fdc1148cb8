import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer, Asking } from './asking.ts'

/** What became of one name, or of one change of status. */
export type Ending = {
  outcome: string
  id?: number
  /** Further operators of this name that the gateway told of. */
  duplicates?: number[]
}
export type NameWrite = {
  action: string
  organization: number
  name: string
  startedAt: number
  ending: Ending
}

// An operation gives up after ten minutes without ChatHub.
const giveUpMs = 600_000
/** Answers after which a well-behaved caller sends the same request again. */
const again = new Set([409, 429, 502, 503, 504])

type Request = {
  action: string
  path: string
  method?: string
  body: unknown
  headers?: Record<string, string>
  /** Called once, when the write goes on as an operation. */
  onAccepted?: (location: string) => void
}
/** `done`: the answer itself. `rows`: those of an operation. `forgotten`: Redis was emptied meanwhile. `failed`: told as a fault. */
export type Written =
  | { state: 'done'; answer: Answer }
  | { state: 'ended'; rows: Record<string, unknown>[] }
  | { state: 'forgotten' }
  | { state: 'failed' }

/** A caller that repeats a write until it has a final answer, and follows operations to their end. */
export const createWriting = (asking: Asking, flushedBetween: (from: number, to: number) => boolean) => {
  const { ask, fault, pauseAfter } = asking
  let pending = 0

  const follow = async (action: string, location: string, startedAt: number): Promise<Written> => {
    while (performance.now() - startedAt < giveUpMs) {
      await sleep(400)
      const answer = await ask('operation', 'GET', location)
      if (answer?.status === 404) {
        const isFlushed = flushedBetween(startedAt, performance.now())
        if (!isFlushed) fault(`${action}: the operation is unknown`, location)
        return { state: isFlushed ? 'forgotten' : 'failed' }
      }
      if (answer?.status !== 200) await pauseAfter(answer)
      else if (['done', 'cancelled', 'needsReview'].includes(answer.json.state)) {
        const rows = await ask('rows', 'GET', `${location}/rows`)
        if (rows?.status === 200) return { state: 'ended', rows: rows.json.items }
      }
    }
    fault(`${action}: the operation does not end`, location)
    return { state: 'failed' }
  }

  const write = async (request: Request): Promise<Written> => {
    const { action, path, method = 'POST', body, headers = {}, onAccepted } = request
    const startedAt = performance.now()
    pending++
    try {
      while (performance.now() - startedAt < giveUpMs) {
        const answer = await ask(action, method, path, { body, headers })
        const location = answer?.headers.get('location')
        if (answer?.status === 202 && location) {
          onAccepted?.(location)
          return await follow(action, location, startedAt)
        }
        if (answer && answer.status < 300) return { state: 'done', answer }
        if (answer && !again.has(answer.status)) {
          fault(`${action}: ${answer.status} ${answer.json?.code}`, JSON.stringify(answer.json))
          return { state: 'failed' }
        }
        await pauseAfter(answer)
      }
      fault(`${action}: no final answer`, path)
      return { state: 'failed' }
    } finally {
      pending--
    }
  }
  return { write, isWriting: (): boolean => pending > 0 }
}
export type Writing = ReturnType<typeof createWriting>
