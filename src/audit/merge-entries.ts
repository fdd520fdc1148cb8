import type { AuditPlace } from '../contract/audit.ts'
import type { AuditStore, EntryId } from './audit-store.ts'
import type { Entry } from './entry.ts'

type Bounds = { newest: EntryId; oldestMs: number; organizations: readonly number[] }
type Source = { organization: number; waiting: Entry[]; next: EntryId | undefined }

const organizationsAtOnce = 50

/** Whether the first place comes before the second in a list: newer, or of the same instant and a lower organization. */
export const comesBefore = (a: AuditPlace, b: AuditPlace): boolean =>
  (b.ms - a.ms || b.seq - a.seq || a.organization - b.organization || b.index - a.index) < 0

/** The entries of several organizations, newest first. `count`: how many are read of one organization at once. */
export async function* mergeEntries(
  store: Pick<AuditStore, 'read'>,
  { newest, oldestMs, organizations }: Bounds,
  count: number,
): AsyncGenerator<{ organization: number; entry: Entry }> {
  const fill = async (source: Source): Promise<void> => {
    if (source.waiting.length > 0 || !source.next) return
    source.waiting = await store.read(source.organization, source.next, oldestMs, count)
    const last = source.waiting.at(-1)
    source.next = last && source.waiting.length === count ? justBefore(last) : undefined
  }
  const sources = organizations.map((organization): Source => ({ organization, waiting: [], next: newest }))
  for (let i = 0; i < sources.length; i += organizationsAtOnce)
    await Promise.all(sources.slice(i, i + organizationsAtOnce).map(fill))
  for (;;) {
    let first: Source | undefined
    for (const source of sources) if (source.waiting[0] && isNewer(source, first)) first = source
    const entry = first?.waiting.shift()
    if (!first || !entry) return
    yield { organization: first.organization, entry }
    await fill(first)
  }
}

const placeOf = ({ organization, waiting: [entry] }: Source): AuditPlace => ({
  ...(entry as Entry),
  organization,
  index: 0,
})
const isNewer = (source: Source, other: Source | undefined): boolean =>
  !other || comesBefore(placeOf(source), placeOf(other))

const justBefore = ({ ms, seq }: Entry): EntryId => (seq > 0 ? { ms, seq: seq - 1 } : { ms: ms - 1 })
