import type { TestGateway } from '../support/gateway.ts'
import { isLong } from '../support/long.ts'
import { until } from '../support/until.ts'

/** What the suites of writes share. */
export const longTimeout = isLong ? 900_000 : 300_000

export type Result = { index: number; name: string; outcome: string; id?: number }
const outcomes = [
  'created',
  'exists',
  'existsDeleted',
  'reactivated',
  'rejected',
  'unknown',
  'changed',
  'unchanged',
  'pending',
] as const
type Counts = Record<(typeof outcomes)[number] | 'total', number>
export type Operation = Counts & { id: string; state: string; detail: string | null }
export const sumOf = (operation: Operation): number =>
  outcomes.reduce((sum, outcome) => sum + operation[outcome], 0)

type Address = { url: string; key: string }

/** The states of an operation as they are told, up to the final one. */
export const statesOf = async ({ url, key }: Address, id: string): Promise<Operation[]> => {
  const answer = await fetch(`${url}/v1/operations/${id}/events`, { headers: { 'X-API-Key': key } })
  return [...(await answer.text()).matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data as string))
}

/** The operation once it has ended. */
export const ended = async (gateway: Address, location: string): Promise<Operation> =>
  (await statesOf(gateway, location.split('/').at(-1) as string)).at(-1) as Operation

/** How often each name stands in ChatHub's own table. */
export const countNames = (names: string[]): Map<string, number> => {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}

export const namesIn = ({ simulator }: TestGateway, organization: number): string[] =>
  simulator.operators(organization).map(({ name }) => name)

export const departments = (count: number, people = 0) =>
  Array.from({ length: count }, (_, i) => ({
    id: 500 + i,
    name: `Department ${i}`,
    operators: Array.from({ length: people }, (__, n) => ({ name: `Old ${i}-${n}` })),
  }))

/**
 * Asks until it is accepted: 503 says that nothing was sent, 409 that it still runs. Both must say when to come back. It asks
 * sooner than that, because asking again is the only way to know.
 */
export const insist = async <A extends { status: number }>(
  ask: () => Promise<A>,
  retryAfter: (answer: A) => unknown,
): Promise<A> => {
  let answer = await ask()
  const isAccepted = async (): Promise<boolean> => {
    if (answer.status !== 503 && answer.status !== 409) return true
    if (!(Number(retryAfter(answer)) > 0)) throw new Error(`${answer.status} without Retry-After`)
    answer = await ask()
    return false
  }
  await until(isAccepted, 'an answer other than 503 and 409', 100)
  return answer
}
