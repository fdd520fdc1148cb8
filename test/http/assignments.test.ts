import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { startGateway, type TestGateway } from '../support/gateway.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway({
    clients: [
      { id: 'few', organizations: [24, 999] },
      { id: 'reader', scopes: ['operators:read', 'operators:write'] },
      { id: 'assigner', scopes: ['assignments:write'], organizations: [24] },
    ],
  })
})
afterAll(() => gateway.close())

const path = (organization = 24) => `/v1/organizations/${organization}/assignments`
const of = (chat: string) => `${path()}/${encodeURIComponent(chat)}`
const ask = (method: string, url: string, body?: unknown, client = 'all') =>
  gateway.ask(method, url, { key: gateway.keys[client] as string, ...(body !== undefined && { body }) })
const assign = (body: unknown, client?: string) => ask('POST', path(), body, client)
/** The rows become these in ChatHub, and the gateway knows at once. */
const setOperators = async (rows: [id: number, status: number][]) => {
  gateway.simulator.setOperators(
    24,
    rows.map(([id, status]) => ({ id, name: `Person ${id}`, status })),
  )
  await ask('POST', '/v1/cache:purge', { organization: 24 })
}
beforeEach(() =>
  setOperators([
    [101, 0],
    [102, 0],
    [103, 1],
  ]),
)

describe('a chat', () => {
  it('is assigned to an active operator and keeps it: 200, and the same answer from POST and GET', async () => {
    const { status, body } = await assign({ chatId: 'first' })
    expect(status).toBe(200)
    expect(body).toEqual({
      chatId: 'first',
      operator: expect.any(Number),
      strategy: 'roundRobin',
      assignedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      explain: { reason: 'fewestChats', active: 2, candidates: 2, given: expect.any(Number) },
    })
    expect([101, 102]).toContain(body.operator)
    const held = { ...body, explain: { reason: 'held', active: 2, candidates: 2 } }
    const again = await assign({ chatId: 'first' })
    const looked = await ask('GET', of('first'))
    expect([again.status, again.body, looked.status, looked.body]).toEqual([200, held, 200, held])
    expect(again.headers['cache-control']).toBe('no-store')
  })

  it('is reassigned only when its operator leaves; before that, GET reports that the operator is away', async () => {
    const before = (await assign({ chatId: 'leaving' })).body.operator as number
    const other = before === 101 ? 102 : 101
    await ask('PATCH', `/v1/organizations/24/operators/${before}`, { status: 'inactive' })
    const looked = await ask('GET', of('leaving'))
    expect(looked.body).toMatchObject({ operator: before, explain: { reason: 'heldByInactive', active: 1 } })
    expect((await assign({ chatId: 'leaving' })).body).toMatchObject({
      operator: other,
      explain: { reason: 'fewestChats', moved: 'inactive', active: 1, candidates: 1 },
    })
    await ask('PATCH', `/v1/organizations/24/operators/${before}`, { status: 'active' })
    expect((await assign({ chatId: 'leaving' })).body).toMatchObject({
      operator: other,
      explain: { reason: 'held' },
    })
  })

  it('is not assigned to an excluded operator, also when that operator holds it', async () => {
    const { body } = await assign({ chatId: 'picky', exclude: [101] })
    expect(body).toMatchObject({ operator: 102, explain: { active: 2, candidates: 1 } })
    expect((await assign({ chatId: 'picky', exclude: [102, 555] })).body).toMatchObject({
      operator: 101,
      explain: { moved: 'excluded', active: 2, candidates: 1 },
    })
  })

  it('is released with 204, and unknown after that', async () => {
    await assign({ chatId: 'over' })
    expect((await ask('DELETE', of('over'))).status).toBe(204)
    for (const method of ['GET', 'DELETE']) {
      const { status, body } = await ask(method, of('over'))
      expect([status, body.code]).toEqual([404, 'assignment.unknown'])
    }
  })

  it('has one id as the integer 7 and the string "7", and is returned as it was sent', async () => {
    const { body } = await assign({ chatId: 7 })
    expect(body.chatId).toBe(7)
    const text = (await assign({ chatId: '7' })).body
    expect(text).toMatchObject({ chatId: '7', operator: body.operator, explain: { reason: 'held' } })
    expect((await ask('GET', of('7'))).body).toMatchObject({ chatId: 7, operator: body.operator })
    expect((await assign({ chatId: '007' })).body.explain.reason).toBe('fewestChats')
    expect((await ask('GET', of('007'))).body.chatId).toBe('007')
  })

  it.each(['a/b', '🎧', 'ж'.repeat(128), '%2F', 'x:cancel', '..a', '?#&+', '0'])(
    'named %s is found by its percent-encoded path',
    async (chatId) => {
      const { status, body } = await assign({ chatId })
      expect([status, body.chatId]).toEqual([200, chatId])
      expect((await ask('GET', of(chatId))).body).toMatchObject({ chatId, operator: body.operator })
      expect((await ask('DELETE', of(chatId))).status).toBe(204)
    },
  )
})

describe('the strategy modulo', () => {
  it('is « Équilibrage de charge »: the chat number modulo the active operators in ChatHub’s order', async () => {
    await setOperators([
      [109, 0],
      [101, 0],
      [103, 1],
      [105, 0],
    ])
    for (const chatId of [30, 31, 32, '34', Number.MAX_SAFE_INTEGER]) {
      const index = Number(chatId) % 3
      const { status, body } = await assign({ chatId, strategy: 'modulo' })
      expect(status).toBe(200)
      expect(body).toMatchObject({ chatId, operator: [109, 101, 105][index], strategy: 'modulo' })
      expect(body.explain).toEqual({ reason: 'modulo', index, active: 3, candidates: 3 })
    }
  })

  it('does not change an assigned chat, and its answer names the strategy of that assignment', async () => {
    const { body } = await assign({ chatId: 41 })
    const again = (await assign({ chatId: 41, strategy: 'modulo' })).body
    expect(again).toMatchObject({
      operator: body.operator,
      strategy: 'roundRobin',
      explain: { reason: 'held' },
    })
  })
})

describe('when no operator is active', () => {
  it('a chat is answered 409 operator.none-active with Retry-After, and keeps its assignment', async () => {
    const { operator } = (await assign({ chatId: 'waiting' })).body
    const excluded = await assign({ chatId: 'waiting', exclude: [101, 102, 103] })
    await setOperators([
      [101, 1],
      [102, 2],
    ])
    for (const answer of [excluded, await assign({ chatId: 'waiting' }), await assign({ chatId: 'new' })]) {
      expect([answer.status, answer.body.code]).toEqual([409, 'operator.none-active'])
      expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(1)
    }
    await setOperators([
      [101, 0],
      [102, 0],
    ])
    expect((await assign({ chatId: 'waiting' })).body).toMatchObject({
      operator,
      explain: { reason: 'held' },
    })
    expect((await ask('GET', of('new'))).status).toBe(404)
  })
})

describe('an invalid assignment is refused with every fault and its place', () => {
  const wrong: [unknown, string[]][] = [
    [{}, ['/chatId required']],
    [{ chatId: null }, ['/chatId type']],
    [{ chatId: ['a'] }, ['/chatId type']],
    [{ chatId: '' }, ['/chatId length']],
    [{ chatId: 'x'.repeat(129) }, ['/chatId length']],
    [{ chatId: 'a b' }, ['/chatId chars']],
    [{ chatId: 'a\u200bb' }, ['/chatId chars']],
    [{ chatId: 'a\u0000' }, ['/chatId chars']],
    [{ chatId: '\ud800' }, ['/chatId chars']],
    [{ chatId: -1 }, ['/chatId range']],
    [{ chatId: 1.5 }, ['/chatId range']],
    [{ chatId: 2 ** 53 }, ['/chatId range']],
    [{ chatId: 'a', operator: 101, operatorId: 1 }, ['/operator unknown', '/operatorId unknown']],
    [{ chatId: 'a', strategy: 'random' }, ['/strategy value']],
    [{ chatId: 'a', exclude: 101 }, ['/exclude type']],
    [{ chatId: 'a', exclude: [0, 'x', 2] }, ['/exclude/0 range', '/exclude/1 type']],
    [{ chatId: 'a', strategy: 'modulo' }, ['/chatId integer']],
    [{ chatId: '01', strategy: 'modulo' }, ['/chatId integer']],
    [{ chatId: '9007199254740993', strategy: 'modulo' }, ['/chatId integer']],
    [{ chatId: 'a', strategy: 'modulo', exclude: [0] }, ['/chatId integer', '/exclude/0 range']],
    [{ chatId: '', strategy: 'modulo' }, ['/chatId length']],
    [[], [' type']],
  ]
  it.each(wrong)('%j', async (body, faults) => {
    const { status, body: problem } = await assign(body)
    expect([status, problem.code]).toEqual([422, 'request.invalid-body'])
    const found = problem.errors.map((error: { pointer: string; code: string }) =>
      [error.pointer, error.code].join(' '),
    )
    expect(found.toSorted()).toEqual(faults.toSorted())
  })

  it.each(['a%20b', `${'x'.repeat(129)}`, '%00', '%E2%80%8B'])(
    '400 for %s as a chat in a path',
    async (chat) => {
      for (const method of ['GET', 'DELETE']) {
        const { status, body } = await ask(method, `${path()}/${chat}`)
        expect([status, body.code, body.errors[0].pointer]).toEqual([400, 'request.invalid', '/path/chatId'])
      }
    },
  )

  it('405 for other methods, 400 for a query', async () => {
    expect((await ask('GET', path())).headers['allow']).toBe('POST')
    expect((await ask('PATCH', of('a'))).headers['allow']).toBe('GET, HEAD, DELETE')
    expect((await ask('GET', `${of('a')}?x=1`)).status).toBe(400)
  })
})

describe('a caller without the right', () => {
  const each = (organization: number, client: string) =>
    Promise.all([
      ask('POST', path(organization), { chatId: 'secret' }, client),
      ask('GET', `${path(organization)}/secret`, undefined, client),
      ask('DELETE', `${path(organization)}/secret`, undefined, client),
    ])

  it('gets 403 without assignments:write, and needs no other scope', async () => {
    for (const { status, body } of await each(24, 'reader'))
      expect([status, body.code]).toEqual([403, 'scope.missing'])
    const [post, get] = [
      await assign({ chatId: 'mine' }, 'assigner'),
      await ask('GET', of('mine'), undefined, 'assigner'),
    ]
    expect([post.status, get.status]).toEqual([200, 200])
  })

  it('gets for a foreign organization the same answer as for one that does not exist', async () => {
    await ask('POST', path(6), { chatId: 'secret' })
    const seen = async (organization: number) =>
      (await each(organization, 'few')).map(({ status, body }) => [
        status,
        { ...body, requestId: '', instance: '' },
      ])
    const foreign = await seen(6)
    expect(foreign.map(([status]) => status)).toEqual([404, 404, 404])
    for (const nobodys of [777, 999]) expect(await seen(nobodys)).toEqual(foreign)
    expect((await ask('GET', `${path(6)}/secret`)).status).toBe(200)
  })
})

it('the id of a chat and the name of a person are in no problem document and in no log line', async () => {
  const { text } = await assign({ chatId: 'phone-380501112233' })
  await ask('GET', of('phone-380501112233'))
  await assign({ chatId: 'phone-380501112233', exclude: [0] })
  expect(text).not.toContain('Person')
  expect(gateway.logged()).not.toContain('380501112233')
})
