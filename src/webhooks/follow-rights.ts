import { newBacklog, type Progress, type ProgressChange } from './webhook.ts'

/**
 * Brings a webhook to the organizations that are its own now. Those that went lose their backlog. Those that came begin with
 * `resync`. Undefined: nothing changed.
 */
export const followRights = (
  now: Progress,
  mine: Progress['known'],
  at: number,
): { went: number[]; change: ProgressChange } | undefined => {
  const { known: before, backlogs } = now
  if (JSON.stringify(before) === JSON.stringify(mine)) return undefined
  const went = mine === 'all' ? [] : [...backlogs.keys()].filter((one) => one !== 0 && !mine.includes(one))
  const all = mine === 'all' ? [0] : mine
  const came = before === 'all' ? [] : all.filter((one) => !before.includes(one))
  for (const organization of went) backlogs.delete(organization)
  for (const organization of came) backlogs.set(organization, { ...newBacklog(now.place), resync: at })
  now.known = mine
  const changed = [...went, ...came]
  return { went, change: { known: mine, backlogs: changed.map((one) => [one, backlogs.get(one) ?? null]) } }
}
