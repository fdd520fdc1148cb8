/** What the protocol does to stay right; without any one of them it is not. */
export const guards = {
  'a fill is stored only under the epoch its load began with': 'casOnFill',
  'a load is not kept as current after an invalidation during it': 'generationOnFill',
  'a copy from the store is not kept as current after an invalidation during its reading':
    'generationOnAdopt',
  "a writer's copy is not kept as current after an invalidation by another writer": 'generationOnPatch',
  "a writer's copy is stored only over the copy it was made from": 'casOnPatch',
  'what began under a term that ended is not kept as current': 'termOnKeep',
  'an instance ends its trust by its own clock': 'ownClock',
  'trust counts from the sending of the heartbeat': 'fromSending',
  'a writer waits for all who hold a lease': 'waitMembers',
  'a writer that is missing from the registry waits a whole lease': 'waitMissing',
  'a writer that joined the registry just now waits the rest of a lease': 'waitJoined',
  'a writer that connected again just now waits the rest of a lease': 'waitConnected',
  'a heartbeat after the lease ended ends the term': 'endOnLapse',
  'a heartbeat that cannot bring every invalidation ends the term': 'endOnGap',
  'invalidations are in the log and also published': 'inLog',
  'an instance forgets before it confirms': 'forgetFirst',
  'an instance that is missing from the registry has not confirmed': 'absentIsOpen',
  'the first heartbeat of a missing instance confirms nothing': 'joinerConfirmsNothing',
  'a lost epoch is never given again': 'epochUnique',
  'a write that could not be announced is not acknowledged': 'ackAnnounced',
  'the epoch moves before the invalidation is published': 'bumpFirst',
  'a reader that joined a load without a valid term gets it as stale': 'joinersVouched',
} as const
export type Guard = (typeof guards)[keyof typeof guards]

export const none = 255
export const instances = [0, 1, 2]
export const writers = [0, 1]

// The layout of a state: bytes. Globals, then instances, then writes.
// biome-ignore format: a table
export const g = { chathub: 0, acked: 1, epoch: 2, unused: 3, copyEpoch: 4, copy: 5, cuts: 7, losses: 8, loads: 9, counter: 10, log: 11, lease: 12, confirmed: 15, joined: 18, bumped: 21 }
const i0 = 22
const iSize = 20
// biome-ignore format: a table
export const i = { up: 0, cut: 1, trust: 2, epoch: 3, copy: 4, current: 5, last: 6, inbox: 7, connected: 8, heartbeat: 9, heartbeatAge: 10, member: 11, latest: 12, op: 13, opEpoch: 14, opCopy: 15, invalidated: 16, ended: 17, opJoined: 18, early: 19 }
export const w0 = i0 + 3 * iSize
export const wSize = 11
// biome-ignore format: a table
export const w = { phase: 0, base: 1, patch: 2, kept: 3, epoch: 4, number: 5, open: 6, left: 7, young: 8, invalidated: 9, ended: 10 }
export const phase = {
  idle: 0,
  begun: 1,
  bumped: 2,
  answered: 3,
  waiting: 4,
  acked: 5,
  dead: 6,
  announced: 7,
}
export const heartbeat = { none: 0, whole: 1, missed: 2, gap: 3 }
export const op = { none: 0, adopting: 1, loading: 2, asked: 3, filled: 5, refused: 6 }

export type Bytes = Uint8Array
export const at = (instance: number, field: number): number => i0 + instance * iSize + field
export const of = (writer: number, field: number): number => w0 + writer * wSize + field
export const get = (s: Bytes, index: number): number => s[index] as number
export const set = (s: Bytes, index: number, value: number): void => {
  s[index] = value
}
export const bit = (n: number): number => 1 << n

export const epochs = [
  g.epoch,
  g.copyEpoch,
  ...instances.flatMap((n) => [at(n, i.epoch), at(n, i.opEpoch)]),
  ...writers.flatMap((n) => [of(n, w.base), of(n, w.epoch)]),
]

/**
 * The same state for all that can follow: copies that nothing can make current again are gone, epochs are numbered in
 * order of appearance, and of a state and its mirror image (writers swapped) one stands for both.
 */
export const plain = (s: Bytes, victim: number, epochsReturn: boolean): Bytes => {
  if (get(s, g.copyEpoch) !== get(s, g.epoch)) {
    s[g.copyEpoch] = epochsReturn ? none : 0
    s[g.copy] = 0
  }
  const announced = (n: number): boolean =>
    get(s, of(n, w.phase)) >= phase.waiting && get(s, of(n, w.phase)) < phase.announced
  const over = announced(0) && announced(1)
  for (const n of instances) {
    if (n !== victim) {
      // What another remembers and hears does not change what the victim serves.
      for (const field of [
        i.trust,
        i.current,
        i.last,
        i.inbox,
        i.heartbeat,
        i.heartbeatAge,
        i.member,
        i.latest,
        i.early,
      ])
        s[at(n, field)] = 0
      for (const field of [i.invalidated, i.ended, i.opJoined]) s[at(n, field)] = 0
      if (get(s, at(n, i.op)) >= op.filled)
        for (let field = i.op; field <= i.opJoined; field++) s[at(n, field)] = 0
      s[g.confirmed + n] = 0
      s[at(n, i.epoch)] = 0
      s[at(n, i.copy)] = none
      if (n === 2 || announced(n)) s[g.lease + n] = 0
      if (n < 2 && get(s, of(n, w.phase)) >= phase.bumped && get(s, of(n, w.phase)) !== phase.announced)
        for (const field of [w.base, w.patch, w.kept, w.epoch, w.invalidated, w.ended]) s[of(n, field)] = 0
    }
    // How long ago it joined matters to one who will announce.
    if (n === 2 || announced(n)) {
      s[g.joined + n] = 0
      s[at(n, i.connected)] = 0
    }
    if (get(s, at(n, i.up)) === 0) s[g.confirmed + n] = 0
    const epoch = get(s, at(n, i.epoch))
    const lives = get(s, at(n, i.current)) && get(s, at(n, i.trust)) > 0
    if (lives || epoch === get(s, g.epoch) || (epochsReturn && epoch === 0)) continue
    if (get(s, at(n, i.op)) && epoch === get(s, at(n, i.opEpoch))) continue
    s[at(n, i.epoch)] = 0
    s[at(n, i.copy)] = none
    s[at(n, i.current)] = 0
  }
  if (over && [0, 1].every((n) => get(s, of(n, w.phase)) !== phase.waiting))
    s.fill(0, g.confirmed, g.confirmed + 3)
  renumber(s)
  return s
}
const renumber = (s: Bytes): void => {
  const names = new Map<number, number>([
    [0, 0],
    [none, none],
  ])
  let next = 1
  for (const field of epochs) {
    const epoch = get(s, field)
    if (!names.has(epoch)) names.set(epoch, next++)
    s[field] = names.get(epoch) as number
  }
}
