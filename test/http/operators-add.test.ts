import { afterAll, beforeEach, describe, expect, it } from '@jest/globals'
import { startGateway, type TestGateway } from '../support/gateway.ts'

type Result = { index: number; name: string; outcome: string; id?: number }

let gateway: TestGateway | undefined
const started = () => gateway as TestGateway
beforeEach(async () => {
  await gateway?.close()
  gateway = await startGateway()
})
afterAll(() => gateway?.close())

let keys = 0
/** Adds by name; a key of its own with each request, which `allow` requires. */
const add = (organization: number, added: string[], modes: object = {}) =>
  started().ask('POST', `/v1/organizations/${organization}/operators`, {
    headers: { 'Idempotency-Key': `add-${++keys}` },
    body: { operators: added.map((name) => ({ name })), ...modes },
  })
const outcomes = (answer: { body: { results: Result[] } }) =>
  answer.body.results.map(({ outcome }) => outcome)
const idsOf = (answer: { body: { results: Result[] } }) => answer.body.results.map(({ id }) => id)
const names = (organization: number) =>
  started()
    .simulator.operators(organization)
    .map(({ name }) => name)
const sent = () =>
  started()
    .simulator.arrivals()
    .filter(({ route }) => route === 'synchronize' || route === 'status')
const sumsUp = ({ body }: { body: Record<string, number> & { results: Result[] } }) => {
  const counts = ['created', 'exists', 'existsDeleted', 'reactivated', 'rejected', 'unknown']
  for (const outcome of counts)
    expect([outcome, body[outcome]]).toEqual([
      outcome,
      body.results.filter((result: Result) => result.outcome === outcome).length,
    ])
  expect(body.results.map(({ index }: Result) => index)).toEqual([...body.results.keys()])
}

describe('adding operators', () => {
  it('answers 201 with one outcome each in input order, and the list has them at once', async () => {
    const answer = await add(24, ['Alex Brown', 'john  SMITH', 'Emma Davis', 'Alex Brown'])
    expect([answer.status, outcomes(answer)]).toEqual([201, ['created', 'exists', 'created', 'exists']])
    expect(idsOf(answer)).toEqual([104, 101, 105, 104])
    expect(answer.body.results.map(({ name }: Result) => name)).toEqual([
      'Alex Brown',
      'john  SMITH',
      'Emma Davis',
      'Alex Brown',
    ])
    sumsUp(answer)
    const list = await started().ask('GET', '/v1/organizations/24/operators')
    expect(list.body.items.slice(3)).toEqual([
      { id: 104, name: 'Alex Brown', status: 'active' },
      { id: 105, name: 'Emma Davis', status: 'active' },
    ])
  })

  it('answers 200 when no operator had to be created, and sends nothing', async () => {
    const answer = await add(24, ['Sarah Johnson', 'MIKE WILSON'])
    expect([answer.status, answer.body.created, answer.body.exists]).toEqual([200, 0, 2])
    expect(sent()).toEqual([])
    sumsUp(answer)
  })

  it('sees an operator that was added in ChatHub a moment ago', async () => {
    await started().ask('GET', '/v1/organizations/24/operators')
    const { id } = started().simulator.addOperator(24, 'Fresh Face')
    expect((await add(24, ['fresh face'])).body.results).toEqual([
      { index: 0, name: 'fresh face', outcome: 'exists', id },
    ])
  })

  it('reports a deleted operator with the same name, and prefers one that is not deleted', async () => {
    started().simulator.addOperator(6, 'Gone Girl', 2)
    const answer = await add(6, ['gone girl', 'Олена Шевченко', 'Gone Girl'])
    expect(outcomes(answer)).toEqual(['existsDeleted', 'exists', 'existsDeleted'])
    expect(answer.body.results[1].id).toBe(1)
    sumsUp(answer)
    expect(sent()).toEqual([])
  })

  it('reactivates deleted operators with the same name when asked to', async () => {
    const gone = started().simulator.addOperator(24, 'Gone Girl', 2)
    const answer = await add(24, ['Gone Girl', 'New One'], { onDeleted: 'reactivate' })
    expect([outcomes(answer), idsOf(answer)[0]]).toEqual([['reactivated', 'created'], gone.id])
    sumsUp(answer)
    const { body } = await started().ask('GET', `/v1/organizations/24/operators/${gone.id}`)
    expect(body.status).toBe('active')
    expect(
      started()
        .simulator.operators(24)
        .find(({ id }) => id === gone.id)?.status,
    ).toBe(0)
  })

  it('adds duplicates when they are allowed', async () => {
    const answer = await add(24, ['John Smith', 'John Smith'], { onDuplicate: 'allow' })
    expect([answer.status, outcomes(answer)]).toEqual([201, ['created', 'created']])
    expect(new Set([101, ...idsOf(answer)]).size).toBe(3)
    expect(names(24).filter((name) => name === 'John Smith')).toHaveLength(3)
  })

  it('refuses all operators, and sends nothing, when duplicates must fail', async () => {
    const answer = await add(24, ['New One', 'john smith', 'Other', 'OTHER'], { onDuplicate: 'fail' })
    expect([answer.status, answer.body.code]).toEqual([409, 'operator.duplicate'])
    expect(answer.body.errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual([
      '/operators/1/name',
      '/operators/3/name',
    ])
    expect(sent()).toEqual([])
    expect((await add(24, ['New One', 'Other'], { onDuplicate: 'fail' })).status).toBe(201)
  })

  it('changes nothing on a dry run, and shows what would happen', async () => {
    started().simulator.addOperator(24, 'Gone Girl', 2)
    const before = started().simulator.operators()
    const answer = await add(24, ['New One', 'John Smith', 'Gone Girl'], {
      dryRun: true,
      onDeleted: 'reactivate',
    })
    expect([answer.status, outcomes(answer)]).toEqual([200, ['created', 'exists', 'reactivated']])
    expect(answer.body.results[0]).not.toHaveProperty('id')
    sumsUp(answer)
    expect(sent()).toEqual([])
    expect(started().simulator.operators()).toEqual(before)
  })

  it('cleans names: trimmed and composed, everything else as it is', async () => {
    const strange = ['=HYPERLINK("x")', '<b>Bob</b>', '🎧', 'O"Neil\\', 'اسم', 'a\u200db']
    const answer = await add(24, ['  Zoë Ångström '.normalize('NFD'), ...strange])
    expect(answer.status).toBe(201)
    expect(names(24).slice(3)).toEqual(['Zoë Ångström'.normalize('NFC'), ...strange])
  })

  it('sends more than 100 operators in batches of 100, each name once', async () => {
    const many = Array.from({ length: 250 }, (_, index) => `Agent ${index}`)
    const answer = await add(24, many)
    expect([answer.body.created, sent().length]).toEqual([250, 3])
    sumsUp(answer)
    expect(names(24).slice(3)).toEqual(many)
    const byId = new Map(
      started()
        .simulator.operators(24)
        .map(({ id, name }) => [id, name]),
    )
    for (const { id, name } of answer.body.results) expect(byId.get(id)).toBe(name)
  })

  it('reports `rejected` for operators that ChatHub refused, also for repetitions of their names', async () => {
    started().simulator.fault({ mode: 'status', status: 400, route: 'synchronize' })
    const answer = await add(24, ['Refused', 'John Smith', 'refused'])
    expect([answer.status, outcomes(answer)]).toEqual([200, ['rejected', 'exists', 'rejected']])
    sumsUp(answer)
  })

  it('names every fault of a body at once, with its place', async () => {
    const answer = await started().ask('POST', '/v1/organizations/24/operators', {
      body: {
        operators: [
          { name: ' ' },
          { name: 'a'.repeat(101) },
          { name: 'a\u0007' },
          { name: '\u202eabc' },
          { name: 7 },
          {},
          { name: 'Fine', status: 0 },
          'Bob',
        ],
        onDuplicate: 'maybe',
        onDeleted: null,
        dryRun: 'yes',
        extra: 1,
      },
    })
    expect([answer.status, answer.body.code]).toEqual([422, 'request.invalid-body'])
    const found = answer.body.errors.map(
      ({ pointer, code }: { pointer: string; code: string }) => `${pointer} ${code}`,
    )
    expect(found.toSorted()).toEqual([
      '/dryRun type',
      '/extra unknown',
      '/onDeleted value',
      '/onDuplicate value',
      '/operators/0/name blank',
      '/operators/1/name length',
      '/operators/2/name chars',
      '/operators/3/name chars',
      '/operators/4/name type',
      '/operators/5/name required',
      '/operators/6/status unknown',
      '/operators/7 type',
    ])
    expect(sent()).toEqual([])
  })

  it('accepts 1 to 1,000 names of 1 to 100 units', async () => {
    const fits = Array.from({ length: 1000 }, (_, index) => `${index}`.padStart(4, '0'))
    expect((await add(24, fits, { dryRun: true })).body.created).toBe(1000)
    for (const wrong of [[], [...fits, 'one more']]) {
      const { status, body } = await add(24, wrong)
      expect([status, body.errors[0].pointer]).toEqual([422, '/operators'])
    }
    expect((await add(24, ['é'.repeat(100).normalize('NFD')], { dryRun: true })).status).toBe(200)
    expect((await add(24, ['🎧'.repeat(50)], { dryRun: true })).status).toBe(200)
    expect((await add(24, [`${'🎧'.repeat(50)}a`], { dryRun: true })).status).toBe(422)
  })

  it('to an organization that ChatHub does not have is 404', async () => {
    const { status, body } = await add(777, ['Nobody'])
    expect([status, body.code]).toEqual([404, 'organization.unknown'])
    expect(sent()).toEqual([])
  })
})
