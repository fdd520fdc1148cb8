type Step = {
  title: string
  method?: string
  path: string
  body?: unknown
  check(status: number, body: never): boolean
  show(body: never): string
}

/** The main use case, one call after the other. Every answer is checked. */
const steps: Step[] = [
  {
    title: 'organizations',
    path: '/v1/organizations',
    check: (s, b: { total: number }) => s === 200 && b.total > 0,
    show: (b: { items: { name: string }[] }) => b.items.map(({ name }) => name).join(', '),
  },
  {
    title: 'list',
    path: '/v1/organizations/24/operators',
    check: (s, b: { total: number }) => s === 200 && b.total === 3,
    show: (b: { items: { name: string }[] }) => b.items.map(({ name }) => name).join(', '),
  },
  {
    title: 'filter: only active',
    path: '/v1/organizations/24/operators?status=active',
    check: (s, b: { total: number }) => s === 200 && b.total === 2,
    show: (b: { total: number }) => `${b.total} active`,
  },
  {
    title: 'find by name, ignoring case',
    path: '/v1/organizations/24/operators?name=SARAH%20johnson',
    check: (s, b: { items: { id: number }[] }) => s === 200 && b.items[0]?.id === 102,
    show: (b: { items: { id: number }[] }) => `id ${b.items[0]?.id}`,
  },
  {
    title: 'add two, one exists already',
    method: 'POST',
    path: '/v1/organizations/24/operators',
    body: { operators: [{ name: 'Alex Brown' }, { name: 'john smith' }] },
    check: (s, b: { created: number; exists: number }) => s === 201 && b.created === 1 && b.exists === 1,
    show: (b: { results: { name: string; outcome: string }[] }) =>
      b.results.map(({ name, outcome }) => `${name}: ${outcome}`).join(', '),
  },
  {
    title: 'deactivate',
    method: 'PATCH',
    path: '/v1/organizations/24/operators/104',
    body: { status: 'inactive' },
    check: (s, b: { status: string }) => s === 200 && b.status === 'inactive',
    show: (b: { name: string; status: string }) => `${b.name} is ${b.status}`,
  },
  {
    title: 'statistics',
    path: '/v1/organizations/24/statistics',
    check: (s, b: { total: number; inactive: number }) => s === 200 && b.total === 4 && b.inactive === 2,
    show: (b: object) => JSON.stringify(b),
  },
]

/** Runs the main use case, prints a line for each step, and tells whether every answer was correct. */
export const runMainUseCase = async (url: string, key: string): Promise<boolean> => {
  const startedAt = performance.now()
  let passed = true
  for (const { title, method = 'GET', path, body, check, show } of steps) {
    const sentAt = performance.now()
    const response = await fetch(url + path, {
      method,
      headers: { 'X-API-Key': key, ...(body !== undefined && { 'Content-Type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const answer = (await response.json()) as never
    const ok = check(response.status, answer)
    passed &&= ok
    const ms = (performance.now() - sentAt).toFixed(1).padStart(7)
    process.stdout.write(
      `${ok ? 'ok  ' : 'FAIL'} ${ms} ms  ${title.padEnd(28)} ${ok ? show(answer) : `${response.status} ${JSON.stringify(answer)}`}\n`,
    )
  }
  process.stdout.write(
    `${passed ? 'The main use case works' : 'The main use case FAILED'}: ${steps.length} steps in ${((performance.now() - startedAt) / 1000).toFixed(2)} s.\n`,
  )
  return passed
}
