import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'
import type { ChangeSet } from '../contract/audit.ts'
import { isFailure } from '../errors.ts'
import { shrank } from '../lists/guard-shrink.ts'
import { type Floors, withFloor } from './coverage-floor.ts'
import { activeIn, type Period, withStep } from './coverage-steps.ts'
import { differencesOf, type Listed } from './differences.ts'
import type { EventStore, KnownList, ListChange, Seen } from './event-store.ts'
import { observedEvent, resyncEvent } from './event-text.ts'
import { type BetweenWrites, createWaitingLists, type LoadedList } from './waiting-lists.ts'
import { changeOfWrite, writtenIn } from './written-changes.ts'

/** What is known of a list, and what a loaded one has that is different. */
type Found = Awaited<ReturnType<typeof differencesOf>> & { known: KnownList; askedAt: number }
type Told = ListChange['events'][number] & { /** The row that it is about. */ row?: number }

const eventsAtOnce = 500
const attemptsMax = 20

/**
 * Makes events of differences between the known list and a loaded one, and of writes. The known list and the log change in
 * one step, so each change is told once, by whichever instance comes first.
 */
export const createObserver = (options: {
  store: EventStore
  clock: Clock
  floors: Floors
  betweenWrites: BetweenWrites
  /** Loads the list now. */
  loadAgain(list: number): void
  /** When the store last came back from an outage (monotonic ms). */
  cameBackAt(): number
}) => {
  const { store, clock, floors, betweenWrites, loadAgain, cameBackAt } = options
  /** The last list that was compared, which is the known one as long as that has this version. The cache decides its life. */
  const compared = new LRUCache<number, { version: string; listed: WeakRef<readonly Listed[]>; at: number }>({
    max: 10_000,
  })
  const suspects = new Map<number, number>()
  /** Lists that were served though they could not be compared. */
  const missed = new Set<number>()

  const resyncOf = (list: number, at: number, begins = false) =>
    list === 0 ? [] : [{ organization: list, text: JSON.stringify(resyncEvent(list, at, begins)) }]
  /** Only if the list is the known one by now: one that is older than a write equals the known list before that write. */
  const remember = ({ list, listed }: LoadedList, version: string, isWhole: boolean): void => {
    if (isWhole) compared.set(list, { version, listed: new WeakRef(listed), at: clock.now() })
  }
  /**
   * Whether readers may have got a list that the log does not know: of this instance, or of one that ended during an
   * outage. The list was not compared since, so `resync` is told by whoever compares it first.
   */
  const isBroken = (list: number, { now, seen }: KnownList): boolean =>
    missed.has(list) || (seen?.arrivedAt ?? 0) < now - (clock.now() - cameBackAt())
  /** Keeps a change of a period, in parts of 500 rows with their events. Undefined: another instance came first. */
  const keep = async (
    list: number,
    { known, ...found }: Found,
    { events, seen, step }: Pick<ListChange, 'seen' | 'step'> & { events: readonly Told[] },
    period?: Period,
  ): Promise<string | undefined> => {
    const rows = [...found.rows]
    let version: string | undefined = known.version
    let active = known.seen?.active ?? 0
    for (let at = 0; version !== undefined && (at === 0 || at < rows.length); at += eventsAtOnce) {
      const some = new Map(rows.slice(at, at + eventsAtOnce))
      const isLast = at + eventsAtOnce >= rows.length
      const isOf = ({ row }: Told): boolean => (row === undefined ? isLast : some.has(row))
      const part = { rows: some, seen, events: events.filter(isOf) }
      // A base line is one when all of it is kept.
      const baseLine = isLast ? { ...part, step } : { ...part, seen: undefined }
      const next = period ? withStep(part, known.rows, active, period) : baseLine
      active = next.seen?.active ?? active
      version = await store.append(list, version, isLast ? withFloor(floors, list, known.now, next) : next)
    }
    return version
  }
  /** Whether this instance came first. The list is the known one then. */
  const isKept = (loaded: LoadedList, { isWhole }: Found, version: string | undefined): boolean => {
    if (version === undefined) return false
    remember(loaded, version, isWhole)
    missed.delete(loaded.list)
    return true
  }

  /** The base line. Who comes back from before it has missed what happened until then. */
  const begin = async (loaded: LoadedList, found: Found): Promise<boolean> => {
    const { known, askedAt, rows } = found
    const { list } = loaded
    // A list that was asked for before this one arrived may lack what this one has.
    const active = activeIn(known.rows, rows)
    const seen = { askedAt, arrivedAt: known.now, begunAt: known.now, active, belowSince: 0, isLow: false }
    // A write was told before, and this list differs: who applies the event later has the older one for ever.
    const isDifferent = found.differences.some(({ kind }) => kind !== 'added')
    const events = resyncOf(list, known.now, !isBroken(list, known) && !isDifferent)
    const step = [known.now, known.now, null, null, active] as const
    return isKept(loaded, found, await keep(list, found, { seen, events, step }))
  }
  const touch = async (loaded: LoadedList, version: string, isWhole: boolean): Promise<boolean> => {
    const isSame = await store.touch(loaded.list, version, clock.now() - loaded.askedAt)
    if (isSame) remember(loaded, version, isWhole)
    return isSame
  }
  /**
   * The list was asked for before the known one had arrived, so which of the two is newer cannot be known. Readers of one
   * from before the base line may have missed something.
   */
  const passOver = async ({ list }: LoadedList, { known, askedAt }: Found): Promise<boolean> => {
    const { seen } = known
    loadAgain(list)
    const events = seen && askedAt < seen.begunAt ? resyncOf(list, known.now) : []
    if (events.length === 0) return true
    return (await store.append(list, known.version, { rows: new Map(), seen, events })) !== undefined
  }
  /** Whether the list lost so much that a second one must say the same. */
  const isDoubtful = ({ list, listed, askedAt }: LoadedList, { rows }: KnownList): boolean => {
    const doubtedAt = suspects.get(list) ?? Number.POSITIVE_INFINITY
    const doubtful = shrank(rows.size, listed.length) && askedAt < doubtedAt
    if (doubtful) {
      suspects.set(list, clock.now())
      loadAgain(list)
    } else suspects.delete(list)
    return doubtful
  }
  const tell = async (loaded: LoadedList, found: Found, was: Seen): Promise<boolean> => {
    const { known, askedAt, differences } = found
    const { list } = loaded
    const period = [was.askedAt, known.now] as const
    const seen = { ...was, askedAt, arrivedAt: known.now }
    const told = differences.flatMap((difference): Told[] => {
      const event = observedEvent(list, difference, period)
      const row = difference.kind === 'removed' ? difference.id : difference.now.id
      return event ? [{ organization: event.organization as number, text: JSON.stringify(event), row }] : []
    })
    const events = [...(isBroken(list, known) ? resyncOf(list, known.now) : []), ...told]
    return isKept(loaded, found, await keep(list, found, { seen, events }, period))
  }

  /** False: another instance came first. Differences are told only if `mayTell`. */
  const compare = async (loaded: LoadedList, mayTell: boolean): Promise<boolean | 'differs'> => {
    const { list } = loaded
    const known = await store.load(list)
    const askedAt = Math.round(known.now - (clock.now() - loaded.askedAt))
    const { seen } = known
    const times = { askedAt, now: known.now, isBaseLine: !seen }
    const found = { known, askedAt, ...(await differencesOf(known.rows, loaded.listed, times)) }
    if (!seen) return begin(loaded, found)
    if (found.rows.size === 0 && !isBroken(list, known)) return touch(loaded, known.version, found.isWhole)
    // Told before a reader has the list: this instance may end at any time.
    if (askedAt < seen.begunAt) return passOver(loaded, found)
    if (found.differences.length > 0 && !mayTell) return 'differs'
    if (askedAt < seen.arrivedAt) return passOver(loaded, found)
    return isDoubtful(loaded, known) || tell(loaded, found, seen)
  }
  /** Whether nothing is left to tell of the list. */
  const settle = async (loaded: LoadedList, mayTell: boolean): Promise<boolean> => {
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const result = await compare(loaded, mayTell)
      if (result !== false) return result === true
    }
    return false
  }

  const waiting = createWaitingLists({ clock, betweenWrites, settle: (loaded) => settle(loaded, true) })

  return {
    /** Resolves when the list is known to the store, or could not be. Differences are told in the background. */
    loaded: async (loaded: LoadedList): Promise<void> => {
      const { list, listed } = loaded
      try {
        const own = compared.get(list)
        const isCertain = own?.listed.deref() === listed && own.at > cameBackAt() && !missed.has(list)
        if (isCertain && (await touch(loaded, own.version, true))) return
        if (await settle(loaded, false)) return
      } catch (error) {
        if (!isFailure(error)) throw error
        missed.add(list)
      }
      waiting.tellLater(loaded)
    },
    /** Tells what a write changed. What cannot be told now is found in a later list. @throws Failure */
    written: async (set: ChangeSet): Promise<void> => {
      const { organization } = set
      const written = writtenIn(set)
      if (organization === null || written.length === 0) return
      const ids = written.map(({ operator }) => operator.id)
      for (let attempt = 0; attempt < attemptsMax; attempt++) {
        const known = await store.load(organization, ids)
        const change = changeOfWrite({ ...set, organization }, written, known)
        if (change.rows.size === 0) return
        const judged = withFloor(floors, organization, known.now, change)
        if ((await store.append(organization, known.version, judged)) !== undefined) return
      }
    },
    close: waiting.close,
  }
}
