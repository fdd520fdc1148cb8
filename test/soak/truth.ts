import type { Asking } from './asking.ts'
import type { Fleet } from './fleet.ts'
import type { NameWrite } from './writing.ts'

type Operator = { id: number; name: string; status: number }
export const soakName = 'Soak'
const isAcknowledged = ({ ending }: NameWrite): boolean =>
  ending.outcome === 'created' || ending.outcome === 'exists'
const codes: Record<string, number> = { active: 0, inactive: 1, deleted: 2 }

/**
 * What the gateway acknowledged, compared with what ChatHub holds: each name exactly once, or marked. Compared names are
 * removed from ChatHub and forgotten here.
 */
export const createTruth = (
  fleet: Fleet,
  asking: Asking,
  flushedBetween: (from: number, to: number) => boolean,
) => {
  let names: NameWrite[] = []
  const statuses = new Map<number, { organization: number; status: string }>()
  const counts = {
    created: 0,
    once: 0,
    notAdded: 0,
    marked: 0,
    inDoubt: 0,
    forgotten: 0,
    afterFlush: 0,
    unproven: 0,
  }
  let statusesCompared = 0

  const lateIds = async (organization: number): Promise<number[] | undefined> => {
    const answer = await asking.ask('diagnosis', 'GET', `/v1/organizations/${organization}/diagnosis`)
    if (answer?.status !== 200) return undefined
    const late = (answer.json.advice as { code: string; text: string }[]).find(
      ({ code }) => code === 'write.late',
    )
    return [...(late?.text.matchAll(/\d+/g) ?? [])].map(Number)
  }

  /** Undefined: as acknowledged. Else a sentence. */
  const judge = (write: NameWrite, ids: number[], late: ReadonlySet<number>): string | undefined => {
    const { outcome, id, duplicates = [] } = write.ending
    const isMarked = (each: number) => late.has(each) || duplicates.includes(each)
    const unmarked = ids.filter((each) => each !== id && !isMarked(each))
    const isMissing = id !== undefined && !ids.includes(id)
    if (ids.some(isMarked)) counts.marked++
    if (outcome === 'unknown') counts.inDoubt++
    if (outcome === 'unknown') return undefined
    if (outcome === 'forgotten') counts.forgotten++
    if (outcome === 'forgotten') return ids.length > 1 ? 'twice' : undefined
    if (isAcknowledged(write)) {
      counts.created++
      if (isMissing || ids.length === 0) return 'not in ChatHub'
      if (unmarked.length > (id === undefined ? 1 : 0)) return 'twice without a mark'
      counts.once++
      return undefined
    }
    counts.notAdded++
    return unmarked.length > 0 ? 'there although not added' : undefined
  }

  return {
    counts,
    statusesCompared: () => statusesCompared,
    added: (write: NameWrite): void => void names.push(write),
    /** The last acknowledged status. Undefined: in doubt. */
    changed: (id: number, organization: number, status: string | undefined): void => {
      if (status === undefined) statuses.delete(id)
      else statuses.set(id, { organization, status })
    },
    /** Compares an organization where nothing is written. Returns false when it could not ask. */
    compare: async (organization: number): Promise<boolean> => {
      const late = await lateIds(organization)
      if (!late) return false
      const rows = await fleet.control<Operator[]>('GET', `operators?organizationId=${organization}`)
      const byName = new Map<string, number[]>()
      for (const { name, id } of rows) byName.set(name, [...(byName.get(name) ?? []), id])
      for (const write of names.filter((each) => each.organization === organization)) {
        const ids = byName.get(write.name) ?? []
        const wrong = judge(write, ids, new Set(late))
        if (wrong === undefined) continue
        const detail = `${write.name} in ${organization}, begun ${Math.round(write.startedAt / 1000)} s: ${JSON.stringify(write.ending)}, ChatHub has ${ids}, late ${late}`
        // Marks and watches are kept in Redis, until they are compared.
        if (flushedBetween(write.startedAt, performance.now())) {
          counts.afterFlush++
          if (isAcknowledged(write)) counts.unproven++
          process.stdout.write(`its records were lost, ${write.action}: ${wrong}; ${detail}\n`)
        } else asking.fault(`${write.action}: acknowledged ${write.ending.outcome}, ${wrong}`, detail)
      }
      for (const [id, { organization: where, status }] of statuses) {
        if (where !== organization) continue
        statusesCompared++
        const row = rows.find((each) => each.id === id)
        if (row?.status !== codes[status])
          asking.fault('a status is not as acknowledged', `${id}: ${status}, ChatHub has ${row?.status}`)
      }
      names = names.filter((each) => each.organization !== organization)
      const kept = rows.filter(({ name }) => !name.startsWith(soakName))
      await fleet.control('PUT', `operators/${organization}`, kept)
      return true
    },
  }
}
export type Truth = ReturnType<typeof createTruth>
