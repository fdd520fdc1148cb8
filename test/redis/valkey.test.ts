import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals'
import type { Redis } from 'ioredis'
import { comesBack, endWhatIsLeft, startBeside } from '../failure/faulty-redis.ts'
import { describeWith } from '../support/needs.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { isRefused } from './is-refused.ts'

describeWith('valkey-server', 'Valkey', () => {
  let valkey: TestRedis
  let admin: Redis
  beforeAll(async () => {
    valkey = await startRedis({ program: 'valkey-server' })
    admin = valkey.client()
  })
  afterAll(() => valkey.stop())
  afterEach(endWhatIsLeft)

  it('is used as Redis is', async () => {
    expect(await admin.info('server')).toMatch(/server_name:valkey/)
    const gateway = await startBeside(valkey.url, { isAlone: true })
    await comesBack(gateway)
    expect(gateway.reports.filter(({ name }) => name === 'redis')).toEqual([
      { name: 'redis', event: 'ready' },
    ])
  })

  it.each([
    ['no channel', ['resetchannels'], /^PUBLISH: NOPERM .*channel/],
    ['no sorted sets', ['-@sortedset'], /^ZADD: .*no permissions to run the 'zadd' command/],
    ['no other keys', ['resetkeys', '~other:*'], /NOPERM .*key/],
  ])('that allows a user %s is refused', async (_, rules, reason) => {
    await admin.acl('SETUSER', 'poor', 'reset', 'on', '>secret', '~*', '&*', '+@all', ...rules)
    await isRefused(await startBeside(`redis://poor:secret@127.0.0.1:${valkey.port}`), reason)
  })

  it('that takes away a right at work is told in the words of a script', async () => {
    await admin.acl('SETUSER', 'poor', 'reset', 'on', '>secret', '~*', '&*', '+@all')
    const gateway = await startBeside(`redis://poor:secret@127.0.0.1:${valkey.port}`)
    await gateway.isTrusted()
    await admin.acl('SETUSER', 'poor', '-zadd')
    await isRefused(gateway, /ACL failure in script|NOPERM/)
  })

  it('that becomes a replica is refused in the words of a script, until it is a master again', async () => {
    const gateway = await startBeside(valkey.url)
    await gateway.isTrusted()
    await admin.replicaof('127.0.0.1', '1')
    await isRefused(gateway, /READONLY .*replica/)
    await admin.replicaof('NO', 'ONE')
    await comesBack(gateway)
  })

  it('that is a node of a cluster is refused behind redis://', async () => {
    const node = await startRedis({ program: 'valkey-server', args: ['--cluster-enabled', 'yes'] })
    const gateway = await startBeside(node.url)
    await isRefused(gateway, /MOVED.*redis\+cluster:/)
    await gateway.close()
    await node.stop()
  })
})
