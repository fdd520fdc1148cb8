import type { Event } from '../../src/contract/event.ts'

export type Status = 'active' | 'inactive' | 'deleted'
export type Person = { id: number; name: string; status: Status }
export type People = Map<number, Person>

/** The copy of a client that follows the rules of docs/events.md. `readList`: a list that is newer than the call. */
export const createEventCopy = (
  organizations: readonly number[],
  readList: (organization: number) => Promise<Person[]>,
) => {
  const copy = new Map<number, People>()
  let queue: Promise<unknown> = Promise.resolve()
  const read = async (organization: number): Promise<void> => {
    const listed = await readList(organization)
    copy.set(organization, new Map(listed.map(({ id, name, status }) => [id, { id, name, status }])))
  }
  const apply = async ({ type, organization, operator }: Event): Promise<void> => {
    if (type === 'resync')
      for (const one of organization === null ? organizations : [organization]) await read(one)
    else if (operator && organization !== null) {
      const people = copy.get(organization) as People
      const { id, name, status } = operator
      if (type === 'operator.removed') people.delete(id)
      else people.set(id, { id, name: name ?? '', status: status as Status })
    }
  }
  return {
    /** Reads all lists, once the stream has begun. */
    begin: (): void => {
      queue = queue.then(async () => {
        for (const one of organizations) await read(one)
      })
    },
    take: (events: readonly Event[]): void => {
      queue = queue.then(async () => {
        for (const event of events) await apply(event)
      })
    },
    /** What differs from the truth; undefined: nothing. */
    difference: async (
      truth: (organization: number) => ReadonlyMap<number, Person>,
    ): Promise<string | undefined> => {
      await queue
      for (const organization of organizations) {
        const mine = copy.get(organization) ?? new Map<number, Person>()
        const real = truth(organization)
        const shown = [...new Set([...mine.keys(), ...real.keys()])]
          .map((id) => [JSON.stringify(mine.get(id)), JSON.stringify(real.get(id))])
          .filter(([one, other]) => one !== other)
          .map(([one, other]) => `${one} is not ${other}`)
        if (shown.length > 0) return `organization ${organization}: ${shown.join('; ')}`
      }
      return undefined
    },
  }
}
