import type { AllStatistics } from '../../client/client.ts'
import { coverageRead, statisticsRead } from './board/use-board.ts'
import { queryClient } from './data/query-client.ts'
import type { Read } from './data/read.ts'
import { readEarly } from './data/use-read.ts'
import { sessionRead } from './session/rights.ts'
import { openFromAddress } from './session/ticket.ts'
import { organizationsRead } from './shell/use-organization.tsx'

/** Ms for which the first drawing waits for a list. */
const quickMs = 150

/** The board names the organizations, unless the list of one was not available. So the list of names can be read later. */
const nameFromBoard = (): void => {
  const read = queryClient.getQueryData<Read<AllStatistics>>(statisticsRead[0])
  if (!read || read.data.unavailable.length > 0) return
  const items = read.data.organizations.map(({ id, name }) => ({ id, name }))
  queryClient.setQueryData(organizationsRead[0], { ...read, data: { items, total: items.length } })
}

/** Ends when all answers are there, or soon after that about the session. Their failures are found by the components. */
const readFirst = async (): Promise<void> => {
  const isBoard = /^#?\/?$/.test(location.hash)
  const session = readEarly(sessionRead)
  const lists = isBoard
    ? [readEarly(statisticsRead).then(nameFromBoard), readEarly(coverageRead)]
    : [readEarly(organizationsRead)]
  const all = Promise.all([session, ...lists])
  const soon = new Promise((resolve) => setTimeout(resolve, quickMs))
  await Promise.race([all, Promise.all([session, soon])])
}

// `early.js` has sent these requests already, so that the answers are here when all scripts are evaluated.

/** Why the link of the address opened no session. Undefined: it did, or there is none. */
export const opened: Promise<unknown> = openFromAddress().then(
  () => undefined,
  (error: unknown) => error,
)

/** What the first screen shows is asked for all at once, so that it is drawn once. */
export const firstReads: Promise<void> = opened.then(readFirst)
