import type { Cache, Copy } from '../../src/cache/cache.ts'
import type { ChatHub } from '../../src/chathub/client.ts'
import type { CallContext } from '../../src/chathub/exchange.ts'
import type { ChangeSet } from '../../src/contract/audit.ts'
import { type KnownStatus, knownStatuses, type Operator } from '../../src/contract/operator.ts'
import { Failure } from '../../src/errors.ts'
import { createRoster, type Roster } from '../../src/lists/roster.ts'
import { unlimited } from '../../src/redis/quotas.ts'
import type { Report } from '../../src/report.ts'
import { createJournal, operationKeepMs } from '../../src/writes/journal.ts'
import { createLateWatch } from '../../src/writes/late-watch.ts'
import { createMemoryJournal } from '../../src/writes/memory-journal.ts'
import { isFinal, type NewWrite, type Operation } from '../../src/writes/operation.ts'
import {
  createOperationWriter,
  type WriteOptions,
  type WriteResult,
} from '../../src/writes/operation-writer.ts'
import { createLocalOrganizationLock } from '../../src/writes/organization-lock.ts'
import { firstLookMs } from '../../src/writes/reconciler.ts'
import { createRunner } from '../../src/writes/runner.ts'
import { createMemoryWatches } from '../../src/writes/watches.ts'
import { createClock, settle } from '../support/clock.ts'
import { rowsNamed } from './operations-of.ts'

/** How a call to ChatHub fails: was the request applied, and what does the gateway learn? */
export type Fault = { applied: boolean; failure: Failure }
export const lost: Fault = { applied: true, failure: new Failure('chathub.timeout', { inDoubt: true }) }
export const unsent: Fault = { applied: false, failure: new Failure('chathub.timeout', { inDoubt: true }) }
export const unavailable: Fault = { applied: false, failure: new Failure('chathub.unavailable') }
export const rejected: Fault = { applied: false, failure: new Failure('chathub.rejected') }

/** The engine of writes with a memory journal, a ChatHub of one organization, and time that stands still. */
export const createHarness = ({ batchSize = 100, settleMs = 10_000, windowMs = 3_600_000 } = {}) => {
  const clock = createClock()
  let people: Operator[] = []
  const calls: string[] = []
  const faults: Fault[] = []
  let held: Promise<void> | undefined
  const call = async (what: string, apply: () => void): Promise<void> => {
    calls.push(what)
    await held
    const fault = faults.shift()
    if (!fault || fault.applied) apply()
    if (fault) throw fault.failure
  }
  const chathub: Pick<ChatHub, 'synchronize' | 'setStatus'> = {
    synchronize: async (rows) => {
      let created: Operator[] = []
      await call(`add ${rows.map(({ name }) => name).join(',')}`, () => {
        created = rows.map(({ name }, i) => ({ id: people.length + i + 1, name, status: 'active' }))
        people = [...people, ...created]
      })
      return created
    },
    setStatus: (id, code) =>
      call(`set ${id} ${knownStatuses[code]}`, () => {
        const status = knownStatuses[code] as KnownStatus
        people = people.map((one) => (one.id === id ? { ...one, status } : one))
      }),
  }

  let copy: Copy<Roster> | undefined
  const commits: ('patched' | 'dropped')[] = []
  const cache = {
    read: async (_key, _context, { notBefore } = {}) => {
      if (!copy || (notBefore !== undefined && copy.askedAt < notBefore)) {
        calls.push('list')
        const value = createRoster({ id: 24, name: 'Sales' }, people)
        copy = { value, bytes: value.bytes, askedAt: clock.now(), epoch: '1' }
      }
      const ageMs = clock.now() - copy.askedAt
      return { copy, freshness: { ageMs, ttlMs: 60_000 - ageMs, how: 'hit' } }
    },
    commit: async (_key, patched) => {
      copy = patched
      commits.push(patched ? 'patched' : 'dropped')
    },
  } as Partial<Cache<Roster>> as Cache<Roster>

  const reports: Report[] = []
  const changes: ChangeSet[] = []
  const report = (one: Report): void => void reports.push(one)
  const store = createMemoryJournal({
    clock,
    lock: createLocalOrganizationLock(clock),
    quotas: unlimited,
    rowsKeepMs: operationKeepMs,
  })
  const watches = createMemoryWatches(clock)
  const journal = createJournal(store, clock, report, async (told) => void changes.push(told), watches)
  const firstMs = firstLookMs(settleMs)
  const late = createLateWatch({ watches, cache, journal, clock, report, firstMs, windowMs })
  const runner = createRunner({ chathub, cache, journal, clock, settleMs, late })
  const writer = createOperationWriter({
    ...{ cache, journal, runner, clock, batchSize },
    storage: { withRoom: (_, work) => work() },
  })
  const context = (ms = 15_000): CallContext => ({
    lane: 'writes',
    client: 'crm',
    deadline: clock.now() + ms,
  })
  let requests = 0
  const writeOf = (names: string[], more: Partial<NewWrite> = {}): NewWrite => ({
    kind: 'add',
    client: 'crm',
    organization: 24,
    requestKey: `request_${++requests}`,
    rows: rowsNamed(...names),
    ...more,
  })
  return {
    clock,
    cache,
    chathub,
    journal,
    late,
    watches,
    runner,
    writer,
    reports,
    changes,
    calls,
    commits,
    context,
    writeOf,
    /** Lets time pass second by second, so that what falls due comes to rest before the next second. Skips idle seconds. */
    pass: async (ms: number): Promise<void> => {
      const rest = async (): Promise<void> => {
        for (let round = 0; round < 10; round++) await settle()
      }
      const end = clock.now() + ms
      await rest()
      while (clock.now() < end) {
        const seconds = Math.max(1, Math.ceil(clock.untilNext() / 1000))
        await clock.advance(Math.min(seconds * 1000, end - clock.now()))
        await rest()
      }
    },
    /** The operation once it is final; time stands still meanwhile. */
    ended: async ({ id }: { id: string }): Promise<Operation> => {
      for (;;) {
        const operation = await journal.get(id)
        if (operation && isFinal(operation)) return operation
        await settle()
      }
    },
    /** The next calls to ChatHub that change something fail like this, one after the other. */
    failNext: (...next: Fault[]) => void faults.push(...next),
    /** Calls that change something wait until the returned function is called. */
    hold: (): (() => void) => {
      let release = (): void => {}
      held = new Promise((resolve) => {
        release = () => {
          held = undefined
          resolve()
        }
      })
      return release
    },
    people: () => people,
    setPeople: (...names: string[]) => {
      people = names.map((name, i) => ({ id: i + 1, name, status: 'active' }))
      copy = undefined
    },
    /** Adds an operator behind the gateway's back. */
    addBeside: (name: string) => {
      people = [...people, { id: people.length + 1, name, status: 'active' }]
    },
    add: (
      names: string[],
      { ms, options, ...more }: Partial<NewWrite> & { ms?: number; options?: WriteOptions } = {},
    ): Promise<WriteResult> => writer.write(writeOf(names, more), context(ms), options),
    setStatus: (id: number, status: KnownStatus, options?: WriteOptions): Promise<WriteResult> => {
      const rows = [{ index: 0, id, outcome: 'pending' as const }]
      return writer.write(writeOf([], { kind: 'setStatus', status, rows }), context(), options)
    },
  }
}

/** Outcome and id of each row. */
export const outcomesOf = (result: WriteResult): string[] =>
  'operation' in result
    ? [`operation ${result.operation.state}`]
    : result.rows.map(({ outcome, id }) => `${outcome} ${id ?? '-'}`)
