import { afterEach, beforeEach, expect, it } from '@jest/globals'
import { startGateway, type TestGateway } from '../support/gateway.ts'

let gateway: TestGateway
beforeEach(async () => {
  gateway = await startGateway()
})
afterEach(() => gateway.close())

const path = '/v1/organizations/24/operators/101'
const tagOf = async (headers: Record<string, string> = {}): Promise<string> =>
  (await gateway.ask('GET', path, { headers })).headers['etag'] as string
const patch = (status: string, condition: string) =>
  gateway.ask('PATCH', path, { body: { status }, headers: { 'If-Match': condition } })
const sent = () => gateway.simulator.arrivals().filter(({ route }) => route === 'status').length

it('a change with If-Match is made while the operator is as it was read', async () => {
  const tag = await tagOf()
  expect((await patch('inactive', `"other", ${tag}`)).status).toBe(200)
  expect((await patch('active', '*')).status).toBe(200)
  // The same content has the same tag again.
  expect(await tagOf()).toBe(tag)
})

it('a change with If-Match is 412 once the gateway or ChatHub changed the operator, and nothing is sent', async () => {
  const tag = await tagOf()
  await gateway.ask('PATCH', path, { body: { status: 'inactive' } })
  const before = sent()
  const late = await patch('deleted', tag)
  expect([late.status, late.body.code, sent()]).toEqual([412, 'precondition.failed', before])
  const now = await tagOf()
  gateway.simulator.changeOperator(101, { name: 'Renamed beside' })
  expect([(await patch('active', now)).status, sent()]).toEqual([412, before])
  expect((await patch('active', await tagOf({ 'Cache-Control': 'no-cache' }))).status).toBe(200)
})

it('a weak tag, an unknown one and nonsense never match; the tag of any coding does', async () => {
  const tag = await tagOf()
  for (const condition of [`W/${tag}`, '"x"', 'x', tag.slice(1)])
    expect([condition, (await patch('inactive', condition)).status]).toEqual([condition, 412])
  expect((await patch('inactive', tag.replace(/"$/, '-gzip"'))).status).toBe(200)
})

it('a removal with If-Match is made only while the operator is as it was read', async () => {
  const tag = await tagOf()
  const remove = (condition: string) => gateway.ask('DELETE', path, { headers: { 'If-Match': condition } })
  await gateway.ask('PATCH', path, { body: { status: 'inactive' } })
  const before = sent()
  const late = await remove(tag)
  expect([late.status, late.body.code, sent()]).toEqual([412, 'precondition.failed', before])
  const removed = await remove(await tagOf())
  expect([removed.status, removed.body.status]).toEqual([200, 'deleted'])
})

it('a change with If-Match may be repeated after a lost answer: the status is there already, and nothing is sent', async () => {
  const tag = await tagOf()
  expect((await patch('inactive', tag)).status).toBe(200)
  const before = sent()
  const again = await patch('inactive', tag)
  expect([again.status, again.body.status, sent()]).toEqual([200, 'inactive', before])
  // Another change with the old tag is still refused.
  expect((await patch('deleted', tag)).status).toBe(412)
  const remove = () => gateway.ask('DELETE', path, { headers: { 'If-Match': '*' } })
  expect([(await remove()).status, (await remove()).status]).toEqual([200, 200])
})

it('an unknown operator is 404, also with If-Match', async () => {
  const answer = await gateway.ask('PATCH', '/v1/organizations/24/operators/999999', {
    body: { status: 'active' },
    headers: { 'If-Match': '*' },
  })
  expect(answer.status).toBe(404)
})
