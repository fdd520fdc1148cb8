import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from '@jest/globals'
import { hashKey, makeKey } from '../../../src/access/keys.ts'
import { startGateway } from '../../support/gateway.ts'
import { describeWithRedisServer } from '../../support/needs.ts'
import { startRedis } from '../../support/redis.ts'
import { runCli } from '../../support/run-cli.ts'
import { hasLostNothing } from '../../support/settled.ts'
import { until } from '../../support/until.ts'

const folder = mkdtempSync(join(tmpdir(), 'backup-'))
afterAll(() => rmSync(folder, { recursive: true }))
const copy = join(folder, 'copy.ndjson')
const list = '/v1/organizations/24/operators'
const names = Array.from({ length: 60 }, (_, at) => `Copied ${at}`)

describeWithRedisServer('a backup in the middle of an import', () => {
  it('is restored without a write of before being lost, or one of afterwards being repeated', async () => {
    const [lost, found] = [await startRedis(), await startRedis()]
    const settings = {
      CHATHUB_BATCH_SIZE: '10',
      CHATHUB_TIMEOUT_MS: '30000',
      WRITE_SETTLE_SECONDS: '1',
      TOKEN_ENCRYPTION_SECRET: 'a secret of at least thirty-two bytes',
      WEBHOOK_PRIVATE_HOSTS: '127.0.0.1:9=127.0.0.1',
    }
    const cli = (url: string, ...args: string[]) => {
      const client = {
        id: 'crm',
        keyHash: hashKey(makeKey('crm')),
        scopes: ['operators:read'],
        organizations: [24],
      }
      const API_KEYS = JSON.stringify({ clients: [client] })
      return runCli(args, { REDIS_URL: url, CHATHUB_COMPANY_TOKEN: 'ct_company-token', API_KEYS })
    }
    for (const redis of [lost, found]) await hasLostNothing(redis.client())
    const before = await startGateway({ env: { ...settings, REDIS_URL: lost.url } })
    const { simulator } = before
    const countOf = (name: string) => simulator.operators(24).filter((each) => each.name === name).length

    const body = { url: 'http://127.0.0.1:9/events', organizations: [6] }
    const webhook = (await before.ask('POST', '/v1/webhooks', { body })).body
    const single = {
      headers: { 'Idempotency-Key': 'single' },
      body: { operators: [{ name: 'Single' }], onDuplicate: 'allow' },
    }
    const added = (await before.ask('POST', list, single)).body
    const chat = '/v1/organizations/24/assignments'
    const assigned = (await before.ask('POST', chat, { body: { chatId: 'chat-1' } })).body
    const place = (await before.ask('GET', '/v1/events?limit=1')).body.next

    // One chunk is done and another one is applied without an answer, when the copy is made. Then the import ends.
    const first = simulator.hold('synchronize', 24)
    const imported = await before.ask('POST', '/v1/organizations/24/imports?onDuplicate=allow', {
      headers: { 'Content-Type': 'text/csv', 'Idempotency-Key': 'import' },
      body: `name\n${names.join('\n')}\n`,
    })
    await first.arrived
    const second = simulator.hold('synchronize', 24, { after: 'apply' })
    first.release()
    await second.arrived
    const audit = (await before.ask('GET', '/v1/audit?limit=1000')).body.items
    const made = await cli(lost.url, 'backup', '--to', copy)
    expect([made.code, made.stderr]).toEqual([0, expect.stringMatching(/^\S+ has \d+ keys\./)])
    expect(statSync(copy).mode & 0o777).toBe(0o600)
    expect(readFileSync(copy, 'utf8')).not.toContain(webhook.secret)
    second.release()
    const operation = imported.headers['location'] as string
    await until(async () => (await before.ask('GET', operation)).body.state === 'done')
    await lost.kill()

    const restored = await cli(found.url, 'restore', '--from', copy)
    expect([restored.code, restored.stderr]).toEqual([
      0,
      expect.stringMatching(/^\d+ keys are restored\. Operations that had not ended: 1, now cancelled\./),
    ])
    const after = await startGateway({ beside: before, env: { ...settings, REDIS_URL: found.url } })
    await until(async () => (await after.ask('GET', operation)).body.state === 'cancelled')
    expect((await after.ask('GET', operation)).body).toMatchObject({ total: 60, created: 20, pending: 40 })
    expect(names.map(countOf)).toEqual(names.map(() => 1))
    const again = await after.ask('POST', list, single)
    expect([again.body, again.headers['idempotency-replayed'], countOf('Single')]).toEqual([added, 'true', 1])
    expect((await after.ask('GET', `${chat}/chat-1`)).body.operator).toEqual(assigned.operator)
    expect((await after.ask('GET', '/v1/webhooks')).body.items).toMatchObject([
      { id: webhook.id, url: body.url },
    ])
    const auditAfter = (await after.ask('GET', '/v1/audit?limit=1000')).body.items
    expect(auditAfter.slice(-audit.length)).toEqual(audit)
    const events = (await after.ask('GET', `/v1/events?after=${encodeURIComponent(place)}`)).body.items
    expect(events.map(({ type }: { type: string }) => type)).toContain('resync')

    const running = await cli(found.url, 'restore', '--from', copy, '--force')
    expect([running.code, running.stderr]).toEqual([
      65,
      expect.stringContaining('A gateway runs on this Redis.'),
    ])
    await after.close()
    const client = found.client()
    await until(async () => (await client.zcount('chathub:{gateway}:members', Date.now(), '+inf')) === 0)
    const newer = await cli(found.url, 'restore', '--from', copy)
    expect([newer.code, newer.stderr]).toEqual([65, expect.stringContaining('--force replaces them')])

    // The turn to log in ends by itself after a while.
    const keysNow = async () =>
      (await client.keys('*')).filter((key) => key !== 'chathub:{login}:turn').toSorted()
    const kept = await keysNow()
    const cut = join(folder, 'cut.ndjson')
    const whole = readFileSync(copy, 'utf8')
    writeFileSync(cut, whole.slice(0, whole.lastIndexOf('\n', whole.length - 2)))
    const half = await cli(found.url, 'restore', '--from', cut, '--force')
    expect([half.code, half.stderr, await keysNow()]).toEqual([
      65,
      `${cut} is no whole backup. Nothing was changed.\n`,
      kept,
    ])
    expect((await cli(found.url, 'restore', '--from', copy, '--force')).code).toBe(0)
    expect((await cli(found.url, 'backup', '--to', copy)).code).toBe(73)
    await before.close()
    await lost.stop()
    await found.stop()
  })
})
