import { describe, expect, it } from '@jest/globals'
import type { Caller } from '../../src/access/caller.ts'
import type { CallContext } from '../../src/chathub/exchange.ts'
import { type Scope, scopes } from '../../src/contract/scopes.ts'
import { unlimited } from '../../src/redis/quotas.ts'
import { createAdd, createImports } from '../../src/writes/add.ts'
import { createChangeStatus } from '../../src/writes/change-status.ts'
import { createJournal } from '../../src/writes/journal.ts'
import { createMemoryJournal } from '../../src/writes/memory-journal.ts'
import { countRows, type Operation } from '../../src/writes/operation.ts'
import { createOperations } from '../../src/writes/operations.ts'
import { createClock } from '../support/clock.ts'

const caller = (organizations: number[], id = 'crm'): Caller => ({
  id,
  kind: 'key',
  // `admin` sees the operations of all callers.
  scopes: new Set(scopes.filter((scope) => scope !== 'admin')),
  organizations: new Set(organizations),
  requestsPerMinute: 1,
  expiresAt: undefined,
})
const stranger = caller([6])
const context: CallContext = { lane: 'writes', client: 'crm', deadline: 1000 }
/** Any use of it fails: nothing may be touched before the caller is authorized. */
const nothing = new Proxy({} as never, {
  get: (_, name) => {
    throw new Error(`touched ${String(name)}`)
  },
})

describe('writing to an organization that the caller may not touch', () => {
  const { one, many } = createChangeStatus(nothing, nothing)
  const { start, preview } = createImports(nothing, nothing)
  const rows = { rows: [], onDuplicate: 'skip', onDeleted: 'report' } as const
  const adding = { operators: [], onDuplicate: 'skip', onDeleted: 'report', dryRun: false } as const
  const calls: [string, () => Promise<unknown>][] = [
    ['adding', () => createAdd(nothing)(stranger, 24, { ...adding, operators: [] }, context, 'k')],
    ['one status', () => one(stranger, 24, { operator: 1, status: 'active' }, context, 'k')],
    ['many statuses', () => many(stranger, 24, { ids: [1], status: 'active' }, context, 'k')],
    ['an import', () => start(stranger, 24, { ...rows, rows: [] }, context, 'k')],
    ['a preview', () => preview(stranger, 24, { ...rows, rows: [] }, context)],
  ]
  it.each(calls)('is refused before anything is looked at: %s', async (_, call) => {
    await expect(call()).rejects.toMatchObject({ code: 'organization.unknown' })
  })
})

it('setting a status without its scope is refused before anything is looked at', async () => {
  const { one, many } = createChangeStatus(nothing, nothing)
  const having = (scope: Scope): Caller => ({ ...stranger, scopes: new Set([scope]) })
  for (const [scope, status] of [
    ['operators:status', 'deleted'],
    ['operators:read', 'active'],
    ['operators:import', 'inactive'],
  ] as const)
    for (const call of [
      one(having(scope), 6, { operator: 1, status }, context, 'k'),
      many(having(scope), 6, { ids: [1], status }, context, 'k'),
    ])
      await expect(call).rejects.toMatchObject({ code: 'scope.missing' })
})

describe('operations', () => {
  const kept: Operation = {
    id: '24-operation_1',
    kind: 'add',
    client: 'crm',
    organization: 24,
    state: 'running',
    onDuplicate: 'skip',
    onDeleted: 'report',
    total: 0,
    counts: countRows([]),
    next: 0,
    chunks: 0,
    startedAt: 0,
  }
  const setUp = async () => {
    const clock = createClock()
    const journal = createJournal(
      createMemoryJournal({ clock, lock: nothing, quotas: unlimited, rowsKeepMs: 1 }),
      clock,
      () => {},
      async () => {},
    )
    await journal.create(kept, [])
    return createOperations(journal, nothing, nothing, clock, async () => {})
  }

  it.each([
    ['another client', caller([24], 'other')],
    ['the same client without the organization', stranger],
  ])('are unknown to %s', async (_, who) => {
    const operations = await setUp()
    for (const call of [operations.get, operations.rows] as const)
      await expect(call(who, kept.id)).rejects.toMatchObject({ code: 'operation.unknown' })
    await expect(operations.cancel(who, kept.id, context)).rejects.toMatchObject({
      code: 'operation.unknown',
    })
    await expect(operations.retry(who, kept.id, {} as CallContext, 'k')).rejects.toMatchObject({
      code: 'operation.unknown',
    })
  })

  it('cannot be watched by a caller that may not touch the organization', async () => {
    const operations = await setUp()
    expect(() => operations.watch(stranger, kept, () => {})).toThrow('organization.unknown')
    expect((await operations.get(caller([24]), kept.id)).id).toBe(kept.id)
  })
})
