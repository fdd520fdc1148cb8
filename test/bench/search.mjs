// How long does a search over 100,000 operators take, in process, the first time each?
import { median } from './lib/rounds.mjs'

export const question = 'Searches over one list of 100,000 operators, each word for the first time'

const first = ['Олена', 'José', 'Zoë', 'Anna', 'Łukasz', 'Марія', 'John', 'Núñez']

export const run = async ({ short, builds, say }) => {
  const rows = []
  for (const { name, dist } of builds) {
    const { createRoster } = await import(`${dist}/lists/roster.js`)
    const { page } = await import(`${dist}/lists/page.js`)
    const operators = Array.from({ length: 100_000 }, (_, index) => ({
      id: index + 1,
      name: `${first[index % first.length]} ${(index * 7919) % 100_003}`,
      status: 'active',
    }))
    const roster = createRoster({ id: 1, name: 'Large' }, operators)
    const from = performance.now()
    page(roster, { q: 'nobody', limit: 50 })
    const prepared = performance.now() - from
    const times = []
    let found = 0
    for (let round = 0; round < (short ? 30 : 300); round++) {
      const q = `${['e', 'ë', 'и', 'nn', 'jo'][round % 5]} ${round}`
      const began = performance.now()
      const { total } = page(roster, { q, limit: 50 })
      times.push(performance.now() - began)
      found += total
    }
    times.sort((a, b) => a - b)
    rows.push({
      server: name,
      searches: times.length,
      found,
      'p50 ms': median(times).toFixed(2),
      'p99 ms': times[Math.floor(times.length * 0.99)].toFixed(2),
      'index made once, ms': prepared.toFixed(0),
    })
  }
  say('page(roster, { q, limit: 50 })', rows)
  return rows
}
