// How many calls a second leave the queue before ChatHub, when calls always wait?

export const question = 'Calls a second through the queue before ChatHub, 100 callers that ask again at once'

export const run = async ({ short, builds, say }) => {
  const rows = []
  const seconds = short ? 0.25 : 5
  for (const { name, dist } of builds) {
    const { createLocalBudget } = await import(`${dist}/throttle/budget.js`)
    const { createPriorityQueue } = await import(`${dist}/throttle/priority-queue.js`)
    const { systemClock: clock } = await import(`${dist}/clock.js`)
    for (const perSecond of [100, 200, 400, 10_000]) {
      const budget = createLocalBudget({ requestsPerSecond: () => perSecond, clock })
      const waits = []
      const queue = createPriorityQueue({
        budget,
        queueMax: 200,
        answerMs: 0,
        clock,
        report: (_lane, ms) => waits.push(ms),
      })
      const acquire = queue.acquireSlot ?? queue.enter
      const end = clock.now() + seconds * 1000
      let served = 0
      const caller = async (_, i) => {
        while (clock.now() < end) {
          const slot = await acquire({ lane: 'people', client: `c${i}`, deadline: end + 60_000 })
          slot.consume()
          if (clock.now() < end) served++
        }
      }
      const all = Promise.all(Array.from({ length: 100 }, caller))
      // Timers of the gateway's clock do not keep a process alive.
      const alive = setInterval(() => {}, 1000)
      await all
      clearInterval(alive)
      waits.sort((a, b) => a - b)
      rows.push({
        server: name,
        'budget a second': perSecond,
        'served a second': Math.round(served / seconds),
        'p50 wait ms': Math.round(waits[Math.floor(waits.length / 2)]),
      })
    }
  }
  say(`${seconds} s each`, rows)
  return rows
}
