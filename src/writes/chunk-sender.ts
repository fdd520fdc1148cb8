import type { Cache, Copy } from '../cache/cache.ts'
import type { ChatHub } from '../chathub/client.ts'
import type { CallContext } from '../chathub/exchange.ts'
import type { Clock } from '../clock.ts'
import type { KnownStatus, Operator } from '../contract/operator.ts'
import { type Failure, isFailure } from '../errors.ts'
import { operatorsKey } from '../lists/operator-lists.ts'
import { createRoster, type Roster } from '../lists/roster.ts'
import type { Baseline, Operation, Row } from './operation.ts'
import { type Chunk, type OperationWriter, patched, withStatus } from './operation-writer.ts'
import type { HeldLock } from './organization-lock.ts'
import { baselineOf, matchRows, planRows, replaceRows, toAdd, toChange } from './row-planner.ts'

/** The status that an operation sets, and what its rows then are. */
export const goalOf = ({ status }: Operation): { status: KnownStatus; outcome: 'changed' | 'reactivated' } =>
  status === undefined ? { status: 'active', outcome: 'reactivated' } : { status, outcome: 'changed' }

/** A call each: at 5 a second a lock of two seconds, so that others get theirs in time. */
const changesAtOnce = 10

const isPending = ({ outcome }: Row): boolean => outcome === 'pending'

/**
 * Does what comes next in a decided chunk, written down before it leaves: adds its names, or changes statuses, or goes on
 * to the next chunk. What is in doubt comes back as `sending`.
 * @throws Failure not `inDoubt`: the operation is kept as it was, but for the rows that were settled before it
 */
type Send = (
  operation: Operation,
  lock: HeldLock,
  chunk: Chunk,
  copy: Copy<Roster>,
  context: CallContext,
) => Promise<Operation>

export const createChunkSender = (options: {
  chathub: Pick<ChatHub, 'synchronize'>
  setStatus(id: number, status: KnownStatus, context: CallContext): Promise<void>
  cache: Cache<Roster>
  clock: Clock
  writer: OperationWriter
}): Send => {
  const { chathub, cache, clock, writer } = options

  /** Keeps, before the first byte leaves, which rows are on their way. */
  const announce = (
    operation: Operation,
    lock: HeldLock,
    chunk: Chunk,
    sent: readonly Row[],
    baseline: Baseline,
  ): Promise<Operation> => {
    const { sending } = operation
    const attempt = sending?.chunk === chunk.number ? sending.attempt + 1 : 1
    const rows = sent.map(({ index }) => index)
    return writer.saveChunk(operation, lock, chunk, {
      state: 'running',
      sending: { since: clock.wall(), chunk: chunk.number, attempt, rows, baseline },
    })
  }
  const inDoubt = ({ sending }: Operation, noReply: boolean, rows = sending?.rows ?? []) =>
    sending && { ...sending, rows, noReply }

  const addNames: Send = async (operation, lock, chunk, copy, context) => {
    const key = operatorsKey(operation.organization)
    const adding = toAdd(chunk.rows, operation)
    const baseline = baselineOf(copy.value, adding)
    const sent = await announce(operation, lock, chunk, adding, baseline)
    const doubt = async (noReply: boolean): Promise<Operation> => {
      const next = { ...sent, sending: inDoubt(sent, noReply) }
      await writer.save(next, lock)
      await cache.commit(key)
      return next
    }
    let settled: Row[]
    let list = copy
    try {
      const whole = adding.map(({ name = '' }) => ({ organizationId: operation.organization, name }))
      const added = await chathub.synchronize(whole, { ...context, maySend: lock.isHeld })
      const made = added.filter(({ id }) => !copy.value.byId(id))
      settled = matchRows(adding, added, baseline)
      if (settled.some(isPending)) {
        if (made.length < adding.length) return doubt(false)
        // As many are new as were sent: ChatHub has them all, some under names that no list will match.
        settled = settled.map((row) =>
          isPending(row) ? { ...row, outcome: 'unknown', reason: 'spelled-otherwise' } : row,
        )
      }
      list = patched(copy, copy.value.with(made))
      // Committed before it is kept: a crash between leaves it in doubt, and doubt is settled by a new list.
      await cache.commit(key, list)
    } catch (error) {
      if (!isFailure(error) || sent.sending === undefined) throw error
      if (error.inDoubt) return doubt(isWithoutReply(error))
      if (error.code !== 'chathub.rejected') {
        await writer.save({ ...sent, state: operation.state, sending: operation.sending }, lock)
        throw error
      }
      settled = adding.map((row) => ({ ...row, outcome: 'rejected', reason: 'chathub.rejected' }))
    }
    const rows = planRows(list.value, replaceRows(chunk.rows, settled), operation)
    const over = !rows.some(isPending)
    return writer.saveChunk(
      sent,
      lock,
      { ...chunk, kept: chunk.rows, rows },
      { sending: undefined, ...(over && { next: chunk.number + 1 }) },
    )
  }

  const changeStatuses: Send = async (operation, lock, chunk, copy, context) => {
    const { status, outcome } = goalOf(operation)
    const changing = toChange(chunk.rows).slice(0, changesAtOnce)
    const sent = await announce(operation, lock, chunk, changing, {})
    let operators: readonly Operator[] = copy.value.operators
    let refused: Failure | undefined
    let noReply = false
    const doubtful: number[] = []
    const settled: Row[] = []
    for (const row of changing) {
      const id = row.id as number
      try {
        await options.setStatus(id, status, { ...context, maySend: lock.isHeld })
        operators = withStatus(operators, id, status)
        settled.push({ ...row, outcome })
      } catch (error) {
        if (!isFailure(error)) throw error
        if (error.inDoubt) {
          doubtful.push(row.index)
          noReply ||= isWithoutReply(error)
        } else if (error.code === 'chathub.rejected')
          settled.push({ ...row, outcome: 'rejected', reason: error.code })
        else {
          refused = error
          break
        }
      }
    }
    const known = doubtful.length === 0
    if (!known || settled.length > 0)
      await cache.commit(
        operatorsKey(operation.organization),
        known ? patched(copy, createRoster(copy.value.organization, operators)) : undefined,
      )
    const next = await writer.saveChunk(
      sent,
      lock,
      { ...chunk, kept: chunk.rows, rows: replaceRows(chunk.rows, settled) },
      {
        sending: known ? undefined : inDoubt(sent, noReply, doubtful),
        ...(known && settled.length === 0 && { state: operation.state }),
      },
    )
    if (refused) throw refused
    return next
  }

  return async (operation, lock, chunk, copy, context) => {
    if (toAdd(chunk.rows, operation).length > 0) return addNames(operation, lock, chunk, copy, context)
    if (toChange(chunk.rows).length > 0) return changeStatuses(operation, lock, chunk, copy, context)
    return writer.saveChunk(operation, lock, chunk, {
      state: 'running',
      sending: undefined,
      next: chunk.number + 1,
    })
  }
}

/** No answer came from ChatHub itself, which may yet apply the request; 502 to 504 come from what stands before it. */
export const isWithoutReply = (error: Failure): boolean => {
  const { status } = (error.cause ?? {}) as { status?: number }
  if (error.code === 'chathub.timeout') return true
  return error.code === 'chathub.unavailable' && (status === undefined || status > 500)
}
