import { useQuery } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import type { Operation } from '../../../client/client.ts'
import { gateway } from '../data/gateway.ts'
import { noteFailure, queryClient, signedOut } from '../data/query-client.ts'

export const isRunning = ({ state }: Operation): boolean => state === 'queued' || state === 'running'

/** An operation as it is now, followed to its end. */
export const useOperation = (id: string) => {
  const queryKey = ['operation', id]
  const query = useQuery({ queryKey, queryFn: ({ signal }) => gateway.operations.get(id, { signal }) })
  // A session that ended has no stream. The next one has.
  const isOut = signedOut.use()
  const follows = query.data !== undefined && isRunning(query.data) && !isOut
  useEffect(() => {
    if (!follows) return
    const stop = new AbortController()
    const follow = async () => {
      for await (const state of gateway.operations.watch(id, { signal: stop.signal }))
        queryClient.setQueryData(['operation', id], state)
    }
    follow().catch(noteFailure)
    return () => stop.abort()
  }, [id, follows])
  return query
}

const windowMs = 15_000
/** Ms without an outcome after which the page says for what the operation waits. */
const stillMs = 4000

/** Rows a second and seconds left, by the last 15 seconds. `isWaiting`: nothing has moved for a while. */
export const useSpeed = (operation: Operation, now: number) => {
  const samples = useRef<{ at: number; done: number }[]>([])
  const done = operation.total - operation.pending
  const [begun] = useState(now)
  const last = samples.current.at(-1)
  if (!last || last.done !== done) samples.current = [...samples.current, { at: now, done }].slice(-60)
  const recent = samples.current.filter(({ at }) => now - at <= windowMs)
  const [first] = recent
  const newest = samples.current.at(-1)
  const seconds = first ? (now - first.at) / 1000 : 0
  const rate = first && seconds > 0 ? (done - first.done) / seconds : 0
  return {
    rate,
    secondsLeft: rate > 0 ? operation.pending / rate : undefined,
    isWaiting: now - (newest?.at ?? begun) > stillMs,
  }
}
