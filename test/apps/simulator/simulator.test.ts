import { describe, expect, it } from '@jest/globals'
import { ask, listOf24, namesIn, withSimulator } from './ask.ts'

const support = { id: 24, name: 'Customer Support' }

describe('the reads', () => {
  it('list organizations as JSON labelled text/plain', () =>
    withSimulator({}, async (_simulator, url) => {
      const reply = await ask(url, 'GET', '/api/company/organization')
      expect(reply.status).toBe(200)
      expect(reply.headers['content-type']).toBe('text/plain; charset=utf-8')
      expect(JSON.parse(reply.body)).toEqual([
        support,
        { id: 6, name: 'Sales' },
        { id: 42, name: 'Back Office' },
      ])
    }))

  it('list the people of the ChatHub document', () =>
    withSimulator({}, async (_simulator, url) => {
      const { body } = await ask(url, 'GET', listOf24)
      expect(JSON.parse(body)).toEqual([
        { id: 101, name: 'John Smith', status: 0, organization: support },
        { id: 102, name: 'Sarah Johnson', status: 0, organization: support },
        { id: 103, name: 'Mike Wilson', status: 1, organization: support },
      ])
    }))

  it('answer [] for an unknown organization and 400 for an invalid one', () =>
    withSimulator({}, async (_simulator, url) => {
      expect(await ask(url, 'GET', '/api/operator?organizationId=999')).toMatchObject({
        status: 200,
        body: '[]',
      })
      expect((await ask(url, 'GET', '/api/operator')).status).toBe(400)
      expect((await ask(url, 'GET', '/api/operator?organizationId=abc')).status).toBe(400)
    }))

  it('include deleted operators, and keep every script', () =>
    withSimulator({}, async (simulator, url) => {
      const { body } = await ask(url, 'GET', '/api/operator?organizationId=6')
      const rows = JSON.parse(body) as { name: string; status: number }[]
      expect(rows.map((row) => row.name)).toEqual(namesIn(simulator, 6))
      expect(rows.some((row) => row.status === 2)).toBe(true)
    }))

  it.each([
    ['application/json', 406],
    ['application/json, text/plain;q=0.5', 200],
    ['*/*', 200],
  ])('want Accept: text/plain (%s -> %i)', (accept, status) =>
    withSimulator({}, async (_simulator, url) => {
      expect((await ask(url, 'GET', listOf24, { headers: { accept } })).status).toBe(status)
      expect((await ask(url, 'GET', '/api/company/organization', { headers: { accept } })).status).toBe(
        status,
      )
    }),
  )
})

describe('the writes', () => {
  it('synchronize adds in order, also equal names and several organizations', () =>
    withSimulator({}, async (simulator, url) => {
      const json = [
        { organizationId: 24, name: 'Alex Brown' },
        { organizationId: 6, name: 'Alex Brown' },
        { organizationId: 24, name: 'Alex Brown' },
      ]
      const { status, body } = await ask(url, 'POST', '/api/operator/synchronize', { json })
      expect(status).toBe(200)
      expect(JSON.parse(body)).toEqual([104, 105, 106].map((id) => ({ id, name: 'Alex Brown', status: 0 })))
      expect(simulator.operators(24).map((row) => row.id)).toEqual([101, 102, 103, 104, 106])
      expect(simulator.operators(6).at(-1)).toEqual({
        id: 105,
        name: 'Alex Brown',
        status: 0,
        organizationId: 6,
      })
      expect(simulator.arrivals()[0]!.organization).toBeUndefined()
    }))

  it.each([
    [
      'an unknown organization',
      [
        { organizationId: 24, name: 'A' },
        { organizationId: 999, name: 'B' },
      ],
    ],
    [
      'a blank name',
      [
        { organizationId: 24, name: 'A' },
        { organizationId: 24, name: ' ' },
      ],
    ],
    ['an id as text', [{ organizationId: '24', name: 'A' }]],
    ['a missing row', [null]],
    ['no array', { organizationId: 24, name: 'A' }],
  ])('synchronize refuses %s whole', (_what, json) =>
    withSimulator({}, async (simulator, url) => {
      const before = simulator.operators()
      const reply = await ask(url, 'POST', '/api/operator/synchronize', { json })
      expect(reply.status).toBe(400)
      expect(JSON.parse(reply.body)).toMatchObject({ status: 400, errors: expect.anything() })
      expect(simulator.operators()).toEqual(before)
    }),
  )

  it('status answers an empty 200, and deleted operators can be restored', () =>
    withSimulator({}, async (simulator, url) => {
      for (const status of [1, 2, 0]) {
        const reply = await ask(url, 'POST', '/api/operator/status', { json: { id: 101, status } })
        expect(reply).toMatchObject({ status: 200, body: '' })
        expect(reply.headers).toMatchObject({ 'content-length': '0' })
        expect(reply.headers['content-type']).toBeUndefined()
        expect(simulator.operators(24)[0]!.status).toBe(status)
      }
      const refused = async (json: unknown) =>
        (await ask(url, 'POST', '/api/operator/status', { json })).status
      expect(await refused({ id: 999, status: 1 })).toBe(404)
      expect(await refused({ id: 101, status: 3 })).toBe(400)
      expect(await refused({ status: 1 })).toBe(400)
    }))

  it('refuse another Content-Type, broken JSON and unknown paths', () =>
    withSimulator({}, async (_simulator, url) => {
      const headers = { 'content-type': 'text/plain' }
      const status = '/api/operator/status'
      expect((await ask(url, 'POST', status, { text: '{}', headers })).status).toBe(415)
      expect((await ask(url, 'POST', status, { text: '{"id":' })).status).toBe(400)
      expect((await ask(url, 'DELETE', '/api/operator')).status).toBe(404)
    }))
})
