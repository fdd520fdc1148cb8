import { useEffect, useState } from 'react'

const sorted = (operators) => operators.toSorted((a, b) => a.name.localeCompare(b.name))

/** The list with the operator of an event as it is afterwards. An event that the list knew already does no harm. */
const applied = (operators, { type, operator }) => {
  const others = operators.filter(({ id }) => id !== operator.id)
  if (type === 'operator.removed') return others
  const known = operators.find(({ id }) => id === operator.id)
  return sorted([...others, { ...operator, name: operator.name ?? known?.name ?? '' }])
}

/** The operators of an organization, kept up to date by events. Undefined: not loaded yet. */
export const useOperators = (gateway, organization) => {
  const [operators, setOperators] = useState()
  const [error, setError] = useState()

  useEffect(() => {
    const stop = new AbortController()
    const { signal } = stop
    const load = async () => {
      // Newer than the events that the stream tells, so nothing is missed between them.
      const fresh = { headers: { 'Cache-Control': 'no-cache' }, signal }
      const { items } = await gateway.operators.list(organization, {}, fresh)
      setOperators(sorted(items))
    }
    const follow = async () => {
      let page = await gateway.events.list({ organizations: [organization], limit: 1000 }, { signal })
      while (page.hasMore) page = await gateway.events.list({ after: page.next, limit: 1000 }, { signal })
      await load()
      const filter = { organizations: [organization], after: page.next }
      for await (const event of gateway.events.subscribe(filter, { signal })) {
        if (event.type === 'resync') await load()
        else if (event.operator) setOperators((known) => applied(known, event))
      }
    }
    follow().catch((failed) => signal.aborted || setError(failed))
    return () => stop.abort()
  }, [gateway, organization])

  return {
    operators,
    error,
    show: (operator) =>
      setOperators((known) => known.map((one) => (one.id === operator.id ? operator : one))),
  }
}
