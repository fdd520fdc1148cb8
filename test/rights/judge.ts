import type { Simulator } from '../../src/apps/simulator/simulator.ts'
import type { Operation } from '../fuzz/document.ts'
import { withoutTime } from '../support/without-time.ts'
import { foreignMark, organizations } from './company.ts'
import type { Connection, Got, Sent } from './connection.ts'
import type { Requests } from './requests.ts'
import type { Choice, Owner, Slot } from './subjects.ts'
import type { Headers, World } from './world.ts'

/** One row of the table: who asks for what. `row` names it in a report. */
export type Row = { row: string; operation: Operation; headers: Headers; slots: readonly Slot[] }

/** All that a caller sees, but for the id of the request, for what differs with time, and for the ids that it asked for. */
const seenOf = ({ status, headers, text }: Got, asked: readonly string[]): string => {
  const { etag: _, ...head } = withoutTime(headers)
  let shown = JSON.stringify(head) + text.replaceAll(headers['x-request-id'] ?? '?', 'id')
  for (const name of asked) if (name !== '') shown = shown.replaceAll(name, 'asked')
  return `${status} ${shown.replace(/"content-length":"\d+"/, '')}`
}

const isWrite = (route: string): boolean => ['synchronize', 'status', 'operator-token'].includes(route)

/** Asks, and notes what should be refused or equal and is not. */
export const createJudge = (options: {
  requests: Requests
  world: World
  connection: Pick<Connection, 'ask'>
  simulator: Pick<Simulator, 'arrivals' | 'clearArrivals'>
}) => {
  const { requests, world, connection, simulator } = options
  const counts: Record<string, number> = {}
  const differences: string[] = []
  const asked = new Set<string>()

  const send = async ({ operation, headers }: Row, sent: Sent) => {
    asked.add(operation.title)
    simulator.clearArrivals()
    const got = await connection.ask({ ...sent, headers: { ...sent.headers, ...headers } })
    const arrived = simulator.arrivals().filter(({ route }) => route !== 'login')
    const routes = arrived.map(({ route, organization = '' }) => `${route} ${organization}`).join()
    return { got, arrived, routes }
  }
  const count = (what: string): void => {
    counts[what] = (counts[what] ?? 0) + 1
  }
  const tell = ({ row }: Row, what: string, { status, text }: Got): void =>
    void differences.push(`${row}: ${what}: ${status} ${text.slice(0, 300)}`)
  /** The ids of others that a request has. */
  const namesIn = ({ slots }: Row, { slot, also, owner }: Choice): string[] =>
    slots
      .filter(({ key }) => key === slot || key === also)
      .map(({ subject }) => String(world.subjects[subject]?.[owner]?.() ?? ''))

  return {
    counts,
    differences,
    asked,
    /**
     * Every choice is refused alike, before anything is looked at: a body that does not parse is not noticed. Nothing is
     * sent to ChatHub.
     */
    refused: async (
      row: Row,
      status: number,
      codes: readonly string[],
      choices: readonly (Choice | undefined)[],
      isBroken = true,
    ): Promise<void> => {
      let first: string | undefined
      for (const choice of choices) {
        const sent = requests.make(row.operation, choice)
        const { got, routes } = await send(
          row,
          isBroken && sent.body !== undefined ? { ...sent, body: '{' } : sent,
        )
        count(String(status))
        const hasCode =
          row.operation.method === 'HEAD' || codes.some((code) => got.text.includes(`"${code}"`))
        if (got.status !== status || !hasCode) tell(row, `wanted ${status} ${codes}`, got)
        const seen = seenOf(got, [])
        first ??= seen
        if (seen !== first) tell(row, `differs for ${choice?.slot} ${choice?.owner}`, got)
        if (routes !== '') tell(row, `reached ChatHub: ${routes}`, got)
      }
    },
    /** The two answers are equal, and so is what reached ChatHub for them. Returns what was seen. */
    compared: async (row: Row, [one, other]: readonly [Choice, Choice]): Promise<string> => {
      const left = await send(row, requests.make(row.operation, one))
      const right = await send(row, requests.make(row.operation, other))
      count('foreign and unknown')
      const seen = seenOf(left.got, namesIn(row, one))
      if (seen !== seenOf(right.got, namesIn(row, other)))
        tell(row, `differs from unknown (${right.got.status} ${right.got.text.slice(0, 300)})`, left.got)
      // What the caller's list has and ChatHub has not may be looked for.
      if (one.owner !== 'listed' && left.routes !== right.routes)
        tell(row, `asked ChatHub for "${left.routes}", and for "${right.routes}" of an unknown one`, left.got)
      for (const { got, arrived, routes } of [left, right]) {
        const isForeign = arrived.some(({ organization }) => organization === organizations.foreign)
        if (isForeign || arrived.some(({ route }) => isWrite(route)))
          tell(row, `reached ChatHub: ${routes}`, got)
        if (got.text.includes(foreignMark)) tell(row, 'shows a foreign name', got)
        if (got.status >= 500) tell(row, 'failed', got)
      }
      return seen
    },
    /** The caller's own: a success, or one of the statuses `otherwise`. */
    own: async (row: Row, choice: Choice | undefined, otherwise: readonly number[]) => {
      const { got } = await send(row, requests.make(row.operation, choice))
      count('own')
      const isServed = got.status < 400 || otherwise.includes(got.status)
      if (!isServed) tell(row, 'the own one', got)
      if (!row.operation.responses[got.status]) tell(row, 'is not documented', got)
      if (got.text.includes(foreignMark)) tell(row, 'shows a foreign name', got)
      return { isServed, seen: seenOf(got, []) }
    },
  }
}

/** The owners of ids, for a report. */
export const nameOf = ({ slot, owner, mixed, also }: Choice): string =>
  [slot, ...(also ? ['and', also] : []), owner satisfies Owner, ...(mixed ? ['beside own'] : [])].join(' ')
