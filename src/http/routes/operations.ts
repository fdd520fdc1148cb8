import type { Caller } from '../../access/caller.ts'
import { endpoints } from '../../contract/endpoints.ts'
import type { ReadFile } from '../../contract/import.ts'
import { type RowOutcome, rowOutcomes } from '../../contract/operation.ts'
import type { AddResult } from '../../contract/operator.ts'
import { Failure, isFailure } from '../../errors.ts'
import { writeReport } from '../../writes/csv.ts'
import { createImportFileReader } from '../../writes/import-file.ts'
import { countRows, isFinal, type Operation, type Row } from '../../writes/operation.ts'
import { viewOf } from '../../writes/operation-view.ts'
import type { Operations } from '../../writes/operations.ts'
import type { Answer } from '../answer.ts'
import { bytesInSlices, jsonInSlices } from '../bytes-in-slices.ts'
import { eventText } from '../event-stream.ts'
import { createFairWork } from '../fair-work.ts'
import type { Router } from '../router.ts'
import type { RunningAnswer } from '../with-idempotency.ts'
import type { Services } from './services.ts'

// The part of the deadline that is kept for sending the answer, ms.
const answerMs = 100

/** 202 with the address of the operation, for a write that is running or in doubt. */
export const accepted = (operation: Operation, more?: { file: ReadFile }): Answer => ({
  json: { ...viewOf(operation), ...more },
  status: 202,
  headers: { Location: `/v1/operations/${operation.id}`, 'Retry-After': '1' },
})

/** An import is left to its handler, which answers at once and says how the file was read. */
export const createRunningAnswer =
  (operations: Operations): RunningAnswer =>
  async (caller, request) => {
    const operation = await operations.resume(caller, request)
    return operation && operation.kind !== 'import' ? accepted(operation) : undefined
  }

const pick = (rows: readonly Row[], outcomes: readonly RowOutcome[]): Record<string, number> => {
  const counts = countRows(rows)
  return Object.fromEntries(outcomes.map((outcome) => [outcome, counts[outcome]]))
}

/** Writes of many rows, and operations: the resource of every write that takes long. */
export const mountOperations = (router: Router, services: Services): void => {
  const { operations, imports, add, changeStatus, tokens, clock } = services

  router.bind(endpoints.setStatus, async ({ caller, context, params, body, requestKey }) => {
    const written = await changeStatus.many(caller, params.org, body, context, requestKey)
    if ('operation' in written) return accepted(written.operation)
    const { rows, operation } = written.done
    const results = rows.map(({ index, id, outcome, reason }) => ({ index, id, outcome, reason }))
    const counts = pick(rows, ['changed', 'unchanged', 'rejected', 'unknown'])
    return { json: { results, ...counts, operation } }
  })

  router.bind(endpoints.onboard, async ({ caller, context, params, body, requestKey }) => {
    const { operators } = body
    const modes = { kind: 'onboard', onDuplicate: 'skip', onDeleted: 'report', dryRun: false } as const
    const written = await add(caller, params.org, { operators, ...modes }, context, requestKey)
    if ('operation' in written) return accepted(written.operation)
    const until = new Date(clock.wall() + body.token.expiresIn * 1000)
    const inTime = { ...context, deadline: context.deadline - answerMs }
    const mint = async (result: AddResult['results'][number]) => {
      try {
        if (result.id === undefined) throw new Failure('operator.unknown')
        const request = { operator: result.id, expiresAt: until }
        const minted = await tokens.mint(caller, params.org, request, inTime)
        return { ...result, ...minted, tokenError: null }
      } catch (error) {
        if (!isFailure(error)) throw error
        return { ...result, token: null, expiresAt: null, tokenError: error.code }
      }
    }
    const results = await Promise.all(written.done.results.map(mint))
    return { json: { ...written.done, results }, status: written.done.created > 0 ? 201 : 200, noStore: true }
  })

  const readImportFile = createImportFileReader(clock, createFairWork())
  router.bind(endpoints.startImport, async ({ caller, context, params, query, body, requestKey }) => {
    const { dryRun, onDuplicate = 'skip', onDeleted = 'report' } = query
    const { rows: asked, file } = await readImportFile(caller.id, body, query)
    const request = { rows: asked, onDuplicate, onDeleted }
    if (!dryRun)
      return accepted(await imports.start(caller, params.org, request, context, requestKey), { file })
    const rows = await imports.preview(caller, params.org, request, context)
    return {
      bytes: await jsonInSlices({ items: rows, total: rows.length, ...pick(rows, rowOutcomes), file }),
    }
  })

  const show = (operation: Operation): Answer => ({
    json: viewOf(operation),
    headers: isFinal(operation) ? {} : { 'Retry-After': '1' },
    organizationIds: [operation.organization],
  })
  router.bind(endpoints.listOperations, async ({ caller, query }) => {
    const { items, nextCursor } = await operations.list(caller, query)
    return { json: { items: items.map(viewOf), nextCursor } }
  })
  router.bind(endpoints.cancelOperation, async ({ caller, context, params }) =>
    show(await operations.cancel(caller, params.operation, context)),
  )
  router.bind(endpoints.retryOperation, async ({ caller, context, params, requestKey }) =>
    accepted(await operations.retry(caller, params.operation, context, requestKey)),
  )
  router.bind(endpoints.undoOperation, async ({ caller, context, params, requestKey }) =>
    accepted(await operations.undo(caller, params.operation, context, requestKey)),
  )
  router.bind(endpoints.getOperation, async ({ caller, params }) =>
    show(await operations.get(caller, params.operation)),
  )
  router.bind(endpoints.getOperationRows, async ({ caller, params, query, contentType }) => {
    const rows = await operations.rows(caller, params.operation, query.outcome)
    if (!contentType.startsWith('text/csv'))
      return { bytes: await jsonInSlices({ items: rows, total: rows.length }) }
    return {
      bytes: await bytesInSlices(writeReport(rows)),
      headers: { 'Content-Disposition': `attachment; filename="${params.operation}.csv"` },
    }
  })
  router.bind(endpoints.watchOperation, async ({ caller, params }) => {
    const operation = await operations.get(caller, params.operation)
    return {
      events: ({ send, end }) => {
        let number = 0
        const tell = (view: unknown): void => send(eventText('operation', view, ++number))
        return { stop: follow(operations, caller, operation, tell, end) }
      },
      organization: operation.organization,
    }
  })
}

/** Sends each state once. Ends after the final state, or when the operation has expired. */
const follow = (
  operations: Operations,
  caller: Caller,
  first: Operation,
  tell: (view: unknown) => void,
  end: () => void,
): (() => void) => {
  let last = ''
  const show = (operation: Operation | undefined): void => {
    if (!operation) return void end()
    const view = viewOf(operation)
    const text = JSON.stringify(view)
    if (text !== last) tell(view)
    last = text
    if (isFinal(operation)) end()
  }
  show(first)
  const stop = operations.watch(caller, first, show)
  // A state stored between the first read and the subscription would be missed otherwise.
  operations.get(caller, first.id).then((now) => (isFinal(now) ? show(now) : undefined), end)
  return stop
}
