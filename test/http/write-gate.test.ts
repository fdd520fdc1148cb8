import { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { setImmediate as settled } from 'node:timers/promises'
import { afterEach, describe, expect, it } from '@jest/globals'
import type { Failure } from '../../src/errors.ts'
import { createEnterWrite, createWriteGate, type Permit } from '../../src/http/write-gate.ts'
import { createClock } from '../support/clock.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { createPacedClock } from '../support/paced-clock.ts'
import { until } from '../support/until.ts'

const setUp = (inFlightMax: number) => {
  const clock = createClock()
  const gate = createWriteGate({ clock, inFlightMax })
  const begun: string[] = []
  const refused: string[] = []
  const permits = new Map<string, Permit>()
  const gone = new Set<string>()
  const enter = (name: string, client = name): void => {
    const [by = '', organization = ''] = client.split('/')
    const permit = gate(by, organization, () => gone.has(name))
    permits.set(name, permit)
    permit.enter().then(
      () => begun.push(name),
      ({ code }: Failure) => refused.push(`${name} ${code}`),
    )
  }
  const leave = (name: string): void => permits.get(name)?.leave()
  return { clock, enter, leave, begun, refused, gone, permits }
}

describe('the write gate', () => {
  it('has so many writes in flight, and clients take turns with the permits that become free', async () => {
    const { enter, leave, begun } = setUp(1)
    for (const name of ['m1', 'm2', 'm3', 'm4']) enter(name, 'many')
    enter('few')
    enter('other')
    await settled()
    expect(begun).toEqual(['m1'])
    for (const name of ['m1', 'm2', 'few', 'other', 'm3']) leave(name)
    await settled()
    expect(begun).toEqual(['m1', 'm2', 'few', 'other', 'm3', 'm4'])
  })

  it('leaves permits for other clients and for other organizations of the same one, whoever waits long', async () => {
    for (const most of [6, 12, 64, 192]) {
      const { enter, leave, begun } = setUp(most)
      const count = (start: string) => begun.filter((name) => name.startsWith(start)).length
      for (let i = 0; i < most; i++) enter(`locked ${i}`, 'crm/24')
      enter('same client', 'crm/6')
      enter('another client', 'web/24')
      enter('no organization', 'web')
      await settled()
      expect([most, count('locked')]).toEqual([most, Math.ceil(most / 3)])
      expect(begun.slice(-3)).toEqual(['same client', 'another client', 'no organization'])
      for (let i = 0; i < most; i++) enter(`many ${i}`, `crm/${i + 100}`)
      enter('the last client', 'desk/7')
      await settled()
      expect(begun.at(-1)).toBe('the last client')
      for (let i = 0; i < most; i++) leave(`locked ${i}`)
      for (let i = 0; i < most; i++) leave(`many ${i}`)
      for (let i = 0; i < most; i++) leave(`locked ${i}`)
      await settled()
      expect([count('locked'), count('many')]).toEqual([most, most])
    }
  })

  it('frees a permit once, however often it is left', async () => {
    const { enter, leave, begun } = setUp(1)
    for (const name of ['a', 'b', 'c']) enter(name)
    leave('a')
    leave('a')
    await settled()
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
    await settled()
    expect(begun).toEqual(['a', 'next'])
  })

  it('gives its permit up while a body is on its way, and takes one again', async () => {
    const { clock, enter, leave, begun, permits } = setUp(1)
    enter('slow')
    enter('quick')
    leave('slow')
    await settled()
    expect(begun).toEqual(['slow', 'quick'])
    const again = permits.get('slow')?.enter()
    leave('quick')
    await again
    enter('third')
    await settled()
    expect(begun).toEqual(['slow', 'quick'])
    leave('slow')
    await settled()
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
    await settled()
    expect(begun).toEqual(['left', 'next'])
  })
})

describe('requests behind one another on a connection', () => {
  it('keep no permit when the connection ends, which gives it from one to the next', async () => {
    const enterWrite = createEnterWrite(createWriteGate({ clock: createClock(), inFlightMax: 1 }))
    const begun: string[] = []
    const open = (name: string) => {
      const res = Object.assign(new EventEmitter(), { destroyed: false })
      const req = { headers: { 'x-api-key': 'key' }, requestContext: {} } as unknown as IncomingMessage
      void enterWrite(req, res as unknown as ServerResponse).then(() => begun.push(name))
      return res
    }
    const answers = ['a', 'b', 'c'].map(open)
    await settled()
    expect(begun).toEqual(['a'])
    for (const res of answers) {
      res.destroyed = true
      res.emit('close')
    }
    open('next')
    await settled()
    expect(begun).toContain('next')
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

  it('that wait for their organization leave room for other organizations, other clients and chats', async () => {
    const longer = { CHATHUB_TIMEOUT_MS: '60000', WRITE_DEADLINE_MS: '60000', READ_DEADLINE_MS: '60000' }
    gateway = await startGateway({
      env: { WRITES_IN_FLIGHT_MAX: '12', ...longer },
      clients: [{ id: 'other' }],
    })
    const { server } = gateway.gateway
    const connections = () => new Promise<number>((resolve) => server.getConnections((_, n) => resolve(n)))
    const add = (organization: number, name: string, key = gateway.key) =>
      gateway.ask('POST', `/v1/organizations/${organization}/operators`, {
        key,
        body: { operators: [{ name }] },
      })
    const held = gateway.simulator.hold('synchronize', 24)
    const locked = Array.from({ length: 20 }, (_, place) => add(24, `Waiting ${place}`))
    await held.arrived
    await until(async () => (await connections()) >= 20)
    expect((await add(6, 'Olena')).status).toBe(201)
    expect((await add(6, 'Taras', gateway.keys['other'])).status).toBe(201)
    // Not even for their own organization: a chat changes no operator.
    const chats = '/v1/organizations/24/assignments'
    expect((await gateway.ask('POST', chats, { body: { chatId: 'chat' } })).status).toBe(200)
    expect((await gateway.ask('DELETE', `${chats}/chat`)).status).toBe(204)
    held.release()
    expect((await Promise.all(locked)).map(({ status }) => status)).toEqual(locked.map(() => 201))
  })

  it('are those of tools too, and a tool that only reads does not wait for them', async () => {
    const clock = createPacedClock()
    const longer = { CHATHUB_TIMEOUT_MS: '60000', WRITE_DEADLINE_MS: '60000', READ_DEADLINE_MS: '60000' }
    gateway = await startGateway({
      clock,
      env: { WRITES_IN_FLIGHT_MAX: '1', MCP_ENABLED: 'true', ...longer },
    })
    const call = async (name: string, args: object) => {
      const message = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } }
      return (await gateway.ask('POST', '/mcp', { body: message })).body.result
    }
    const names = (name: string) => ({ operators: [{ name }] })
    const held = gateway.simulator.hold('synchronize', 24)
    const first = gateway.ask('POST', '/v1/organizations/24/operators', { body: names('Olena') })
    await held.arrived
    const waiting = call('add_operators', { org: 6, ...names('Taras') })
    expect((await call('list_operators', { org: 6 })).isError).toBeUndefined()
    clock.jump(5000)
    const { isError, content } = await waiting
    expect([isError, JSON.parse(content[0].text).code]).toEqual([true, 'server.overloaded'])
    held.release()
    expect((await first).status).toBe(201)
    const then = await call('add_operators', { org: 6, ...names('Taras') })
    expect(JSON.parse(then.content[0].text).created).toBe(1)
  })
})
