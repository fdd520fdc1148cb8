import { connect } from 'node:net'
import { afterEach, describe, expect, it } from '@jest/globals'
import type { Failure } from '../../src/errors.ts'
import { createWriteGate, type Permit } from '../../src/http/write-gate.ts'
import { createClock } from '../support/clock.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { until } from '../support/until.ts'

const setUp = (inFlightMax: number) => {
  const clock = createClock()
  const gate = createWriteGate({ clock, inFlightMax })
  const begun: string[] = []
  const refused: string[] = []
  const permits = new Map<string, Permit>()
  const gone = new Set<string>()
  const enter = (name: string, client = name): void =>
    gate({
      client,
      begin: (permit) => {
        begun.push(name)
        permits.set(name, permit)
      },
      refuse: ({ code }: Failure) => refused.push(`${name} ${code}`),
      isGone: () => gone.has(name),
    })
  const leave = (name: string): void => permits.get(name)?.leave()
  return { clock, enter, leave, begun, refused, gone, permits }
}

describe('the write gate', () => {
  it('has so many writes in flight, and clients take turns with the permits that become free', () => {
    const { enter, leave, begun } = setUp(2)
    for (const name of ['m1', 'm2', 'm3', 'm4']) enter(name, 'many')
    enter('few')
    enter('other')
    expect(begun).toEqual(['m1', 'm2'])
    for (const name of ['m1', 'm2', 'm3', 'few']) leave(name)
    expect(begun).toEqual(['m1', 'm2', 'm3', 'few', 'other', 'm4'])
  })

  it('frees a permit once, however often it is left', () => {
    const { enter, leave, begun } = setUp(1)
    for (const name of ['a', 'b', 'c']) enter(name)
    leave('a')
    leave('a')
    expect(begun).toEqual(['a', 'b'])
  })

  it('refuses a write that has waited for five seconds, and passes over one whose client has left', async () => {
    const { clock, enter, leave, begun, refused, gone } = setUp(1)
    enter('a')
    enter('late')
    await clock.advance(4999)
    enter('gone')
    enter('next')
    expect(refused).toEqual([])
    await clock.advance(1)
    expect(refused).toEqual(['late server.overloaded'])
    gone.add('gone')
    leave('a')
    expect(begun).toEqual(['a', 'next'])
  })

  it('gives its permit up while a body is on its way, and takes one again', async () => {
    const { clock, enter, leave, begun, permits } = setUp(1)
    enter('slow')
    enter('quick')
    leave('slow')
    expect(begun).toEqual(['slow', 'quick'])
    const again = permits.get('slow')?.enter()
    leave('quick')
    await again
    enter('third')
    expect(begun).toEqual(['slow', 'quick'])
    leave('slow')
    expect(begun).toEqual(['slow', 'quick', 'third'])
    const late = permits.get('slow')?.enter()
    const refusal = expect(late).rejects.toMatchObject({ code: 'server.overloaded' })
    await clock.advance(5000)
    await refusal
  })

  it('gives no permit to a write whose client left while its body was on its way', async () => {
    const { enter, leave, begun, gone, permits } = setUp(1)
    enter('left')
    leave('left')
    gone.add('left')
    await permits.get('left')?.enter()
    enter('next')
    expect(begun).toEqual(['left', 'next'])
  })
})

describe('writes in flight', () => {
  let gateway: TestGateway
  afterEach(() => gateway.close())

  it('are bounded, and a body that never ends takes no permit from others', async () => {
    gateway = await startGateway({ env: { WRITES_IN_FLIGHT_MAX: '1' } })
    const { port } = new URL(gateway.url)
    const path = '/v1/organizations/24/operators'
    const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nX-API-Key: ${gateway.key}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"operators":[`
    const slow = Array.from({ length: 5 }, () => connect(Number(port), '127.0.0.1'))
    for (const socket of slow) socket.write(head)
    await until(() => slow.every(({ bytesWritten }) => bytesWritten === Buffer.byteLength(head)))
    const names = ['Olena', 'Taras', 'Ivan']
    const answers = await Promise.all(
      names.map((name) => gateway.ask('POST', path, { body: { operators: [{ name }] } })),
    )
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201])
    for (const socket of slow) socket.destroy()
    // Whose permit was left with its connection.
    expect((await gateway.ask('POST', path, { body: { operators: [{ name: 'Petro' }] } })).status).toBe(201)
  })
})
