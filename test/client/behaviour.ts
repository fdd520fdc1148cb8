import { expect, it } from '@jest/globals'
import {
  type Client,
  ConflictError,
  type Event,
  InvalidRequestError,
  isOperation,
  NotFoundError,
  type Operation,
} from '../../src/client/client.ts'

/** What holds for a client of the gateway and for the fake one alike. Both begin with the people of the ChatHub document. */
export const behavesAsClient = (open: () => Client): void => {
  it('lists, filters, searches, sorts and finds', async () => {
    const { operators, organizations } = open()
    const { items, organization, total } = await operators.list(24, {
      status: ['active', 'deleted'],
      sort: ['-name'],
    })
    expect([organization, total]).toEqual([{ id: 24, name: 'Customer Support' }, 2])
    expect(items.map(({ name }) => name)).toEqual(['Sarah Johnson', 'John Smith'])
    expect((await operators.list(24, { name: ' JOHN  smith' })).items).toMatchObject([
      { id: 101, status: 'active' },
    ])
    expect((await operators.search({ q: 'wils' })).items).toMatchObject([
      { id: 103, organization: { id: 24 } },
    ])
    expect(await operators.get(24, 103)).toMatchObject({ name: 'Mike Wilson', status: 'inactive' })
    expect(await operators.find(103)).toEqual(await operators.get(24, 103))
    expect(await organizations.statistics(24)).toMatchObject({ total: 3, active: 2, inactive: 1 })
    expect((await organizations.list()).items).toContainEqual(await organizations.get(24))
  })

  it('gives the items of all pages, and the pages', async () => {
    const names: string[] = []
    for await (const { name } of open().operators.list(24, { limit: 2, sort: ['id'] })) names.push(name)
    expect(names).toEqual(['John Smith', 'Sarah Johnson', 'Mike Wilson'])
    const totals: number[] = []
    for await (const page of open().operators.list(24, { limit: 1 }).pages()) totals.push(page.items.length)
    expect(totals).toEqual([1, 1, 1])
  })

  it('tells request id, status and age of an answer', async () => {
    const { data, status, requestId, age } = await open().operators.list(24).withResponse()
    expect([data.total, status, typeof age]).toEqual([3, 200, 'number'])
    expect(requestId).toMatch(/^[\w-]{8,}$/)
  })

  it('adds, changes, deletes, and tells who exists', async () => {
    const { operators } = open()
    const added = await operators.add(24, { operators: [{ name: 'Alex Brown' }, { name: 'john smith' }] })
    if (isOperation(added)) throw new Error('a short write ends at once')
    const [alex] = added.results
    expect(added).toMatchObject({
      created: 1,
      exists: 1,
      results: [{ outcome: 'created' }, { outcome: 'exists', id: 101 }],
    })
    expect(await operators.update(24, alex?.id as number, { status: 'inactive' })).toMatchObject({
      status: 'inactive',
    })
    const changed = await operators.setStatus(24, {
      ids: [alex?.id as number, 101, 999_999],
      status: 'active',
    })
    expect(changed).toMatchObject({ changed: 1, unchanged: 1, rejected: 1 })
    expect(await operators.delete(24, alex?.id as number)).toMatchObject({
      name: 'Alex Brown',
      status: 'deleted',
    })
    const again = { operators: [{ name: 'Alex Brown' }] }
    expect(await operators.add(24, again)).toMatchObject({ existsDeleted: 1 })
    expect(await operators.add(24, { ...again, onDeleted: 'reactivate' })).toMatchObject({ reactivated: 1 })
    const refused = await operators.add(24, { ...again, onDuplicate: 'fail' }).catch((error) => error)
    expect(refused).toBeInstanceOf(ConflictError)
    expect(refused).toMatchObject({ code: 'operator.duplicate', status: 409, requestId: expect.any(String) })
  })

  it('throws an error class for each family of codes', async () => {
    const { operators, fetch } = open()
    const foreign = await operators.list(77_777).catch((error) => error)
    expect(foreign).toBeInstanceOf(NotFoundError)
    expect(foreign).toMatchObject({
      name: 'NotFoundError',
      code: 'organization.unknown',
      status: 404,
      errors: [],
    })
    await expect(fetch('/v1/nothing')).rejects.toMatchObject({ code: 'route.unknown' })
    await expect(operators.get(24, 999_999)).rejects.toMatchObject({ code: 'operator.unknown' })
    expect(new InvalidRequestError('request.invalid', '')).toBeInstanceOf(Error)
  })

  it('waits for an import and tells its progress', async () => {
    const { operators, operations } = open()
    const started = await operators.import(24, 'name\nEmma Davis\nJohn Smith\n')
    if (!isOperation(started)) throw new Error('an import is an operation')
    const states: Operation[] = []
    const onProgress = (state: Operation): void => void states.push(state)
    const ended = await operations.wait(started, { onProgress, timeout: Infinity })
    expect(ended).toMatchObject({ id: started.id, state: 'done', created: 1, exists: 1, pending: 0 })
    expect(states.at(-1)).toEqual(ended)
    expect(await operations.get(started.id)).toEqual(ended)
  })

  it('streams what changes until it is told to stop', async () => {
    const client = open()
    const stop = new AbortController()
    const seen: Event[] = []
    const filter = { organizations: [24], types: ['operator.statusChanged' as const] }
    let tellOpen = (): void => {}
    const opened = new Promise<void>((resolve) => {
      tellOpen = resolve
    })
    const onConnection = (isOpen: boolean): void => (isOpen ? tellOpen() : undefined)
    const changes = client.events.subscribe(filter, { signal: stop.signal, onConnection })
    const first = changes.next()
    // Told before anything has changed.
    await opened
    await client.operators.update(24, 102, { status: 'inactive' })
    const { value } = await first
    if (value) seen.push(value)
    expect(seen).toMatchObject([{ type: 'operator.statusChanged', organization: 24, operator: { id: 102 } }])
    stop.abort()
    const rest: Event[] = []
    for await (const event of changes) rest.push(event)
    expect(rest.every(({ type }) => type === 'operator.statusChanged')).toBe(true)
    await client.operators.update(24, 102, { status: 'active' })
  })
}
