import type { Cache } from '../cache/cache.ts'
import type { ChatHub } from '../chathub/client.ts'
import type { Errand } from '../chathub/exchange.ts'
import { statusCode } from '../chathub/wire.ts'
import type { Clock } from '../clock.ts'
import type { KnownStatus } from '../contract/operator.ts'
import { Failure, isFailure } from '../errors.ts'
import type { Journal } from '../ledger/journal.ts'
import type { Operation, Row } from '../ledger/operation.ts'
import { chunksOf, endedBy, newOperation, operationId, rowsOf, type Written } from './add.ts'
import { patched, withStatus } from './book.ts'
import type { Found } from './directory.ts'
import { operatorsKey } from './list.ts'
import type { Roster } from './roster.ts'
import type { Runner } from './run.ts'

export type ChangeStatus = {
  /**
   * Changes one operator that is proven to be in the organization: ChatHub itself takes a bare operator id. Unchanged
   * asks ChatHub nothing. @throws Failure `operator.unknown`
   */
  one(
    organization: number,
    operator: number,
    status: KnownStatus,
    errand: Errand,
    mark: string,
  ): Promise<Written<Found>>
  /** Many at once, one outcome each, in input order. */
  many(
    organization: number,
    operators: number[],
    status: KnownStatus,
    errand: Errand,
    mark: string,
  ): Promise<Written<Row[]>>
}

type Options = {
  chathub: ChatHub
  cache: Cache<Roster>
  journal: Journal
  runner: Runner
  clock: Clock
  batchSize: number
}

// What is left of the deadline for writing the answer.
const answerMs = 100

/** Changes of one organization take turns, so opposite ones end in the order they came. */
export const createChangeStatus = (options: Options): ChangeStatus => {
  const { chathub, cache, journal, runner, clock, batchSize } = options

  const newChange = (
    organization: number,
    rows: Row[],
    chunks: number,
    status: KnownStatus,
    errand: Errand,
    mark: string,
  ): Operation => {
    const id = operationId(organization, mark)
    return {
      ...newOperation(id, 'setStatus', organization, errand.client, rows, chunks, {}, clock.wall()),
      status,
    }
  }
  /** Written down in the same turn, so that whoever writes next settles it first. */
  const doubt = async (
    organization: number,
    id: number,
    status: KnownStatus,
    errand: Errand,
    mark: string,
  ): Promise<Operation> => {
    const rows: Row[] = [{ index: 0, id, outcome: 'pending' }]
    const operation: Operation = {
      ...newChange(organization, rows, 1, status, errand, mark),
      state: 'running',
      sending: { chunk: 0, attempt: 1, rows: [0], baseline: {}, doubtAt: clock.wall(), silent: true },
    }
    try {
      await journal.create(operation, [rows])
      await cache.commit(operatorsKey(organization))
    } catch (error) {
      throw new Failure('write.in-doubt', { cause: error })
    }
    return operation
  }
  /** The operation's end, or how it stands when the deadline comes. */
  const end = async (operation: Operation, errand: Errand): Promise<Operation> =>
    (await endedBy(runner.run(operation.id), errand.deadline - answerMs, clock)) ?? operation

  return {
    many: async (organization, ids, status, errand, mark) => {
      const rows = ids.map((id, index): Row => ({ index, id, outcome: 'pending' }))
      const chunks = chunksOf(rows, batchSize)
      const operation = newChange(organization, rows, chunks.length, status, errand, mark)
      if (!(await journal.get(operation.id))) await journal.create(operation, chunks)
      const ended = await end(operation, errand)
      return ended.state === 'done' ? { done: await rowsOf(journal, ended) } : { operation: ended }
    },
    one: async (organization, id, status, errand, mark) => {
      const key = operatorsKey(organization)
      const written = await runner.inTurn(organization, errand, async (turn): Promise<Written<Found>> => {
        let { copy, freshness } = await cache.read(key, errand)
        // An old list proves neither that there is nobody of this id nor that nothing has to be changed.
        if (freshness.ttlMs <= 0 || !copy.value.byId(id))
          copy = (await cache.read(key, errand, { notBefore: clock.now() })).copy
        const before = copy.value.byId(id)
        if (!before) throw new Failure('operator.unknown')
        if (before.status === status) return { done: { roster: copy.value, operator: before } }
        try {
          await chathub.setStatus(id, statusCode(status), { ...errand, mayLeave: turn.live })
        } catch (error) {
          if (!isFailure(error) || !error.inDoubt) throw error
          return { operation: await doubt(organization, id, status, errand, mark) }
        }
        const next = patched(copy, withStatus(copy.value.operators, id, status))
        await cache.commit(key, next)
        return { done: { roster: next.value, operator: { id, name: before.name, status } } }
      })
      if ('done' in written) return written
      const operation = await end(written.operation, errand)
      if (operation.state !== 'done') return { operation }
      const { copy } = await cache.read(key, errand)
      const operator = copy.value.byId(id)
      if (!operator) throw new Failure('operator.unknown')
      return { done: { roster: copy.value, operator } }
    },
  }
}
