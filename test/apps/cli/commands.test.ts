import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type Simulation, startSimulator } from '../../../src/apps/demo/start-simulator.ts'
import { stopEverything } from '../../support/children.ts'
import { openRedis, startRedis } from '../../support/redis.ts'
import { runCli, startCli } from '../../support/run-cli.ts'
import { until } from '../../support/until.ts'

let world: Simulation
let env: Record<string, string>
beforeAll(async () => {
  // The whole document.
  world = await startSimulator({ settings: { SESSION_SECRET: 'x'.repeat(32), MCP_ENABLED: 'true' } })
  env = { CHATHUB_GATEWAY_URL: world.url, CHATHUB_GATEWAY_KEY: world.key }
})
afterAll(async () => {
  await stopEverything()
  await world.close()
})

const cli = (...args: string[]) => runCli(args, env)
const linesOf = ({ stdout }: { stdout: string }) =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

it('a simulation that cannot start leaves no port open', async () => {
  const ports = (): number =>
    process.getActiveResourcesInfo().filter((name) => name === 'TCPServerWrap').length
  const before = ports()
  await expect(startSimulator({ settings: { LOG_LEVEL: 'loud' } })).rejects.toThrow('LOG_LEVEL="loud"')
  await until(() => ports() === before)
})

describe('the command line', () => {
  it('lists, adds and changes operators, one JSON value a line in a pipe', async () => {
    const added = await cli('operators', 'add', '--org', '24', 'Alex Brown', 'john smith')
    expect([added.code, linesOf(added).map(({ outcome }) => outcome)]).toEqual([0, ['created', 'exists']])
    const { id } = linesOf(added)[0]
    const changed = await cli('operators', 'set-status', 'inactive', String(id), '--org', '24')
    expect(linesOf(changed)).toEqual([{ index: 0, id, outcome: 'changed' }])
    const listed = linesOf(
      await cli('operators', 'list', '--org', '24', '--status', 'inactive', '--q', 'alex'),
    )
    expect(listed).toEqual([expect.objectContaining({ id, name: 'Alex Brown', status: 'inactive' })])
  })

  it('imports a file with plain lines of progress; Ctrl-C leaves it running and names how to come back', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'cli-import-')), 'people.csv')
    writeFileSync(file, `name\n${Array.from({ length: 250 }, (_, i) => `Person ${i}`).join('\n')}\n`)
    const held = world.chathub.hold('synchronize', 24)
    const first = startCli(['operators', 'import', file, '--org', '24'], env)
    await held.arrived
    await until(() => first.stderr().includes('of 250'))
    first.child.kill('SIGINT')
    expect((await first.ended).code).toBe(130)
    const [, id = ''] = /^ {2}chathub-gateway operations show (\S+) --wait$/m.exec(first.stderr()) ?? []
    held.release()
    const shown = await cli('operations', 'show', id, '--wait')
    expect([shown.code, linesOf(shown)[0].state, linesOf(shown)[0].created]).toEqual([0, 'done', 250])
    expect(shown.stderr).toMatch(/^250 of 250, done$/m)
    expect(linesOf(await cli('operations', 'list')).map((operation) => operation.id)).toContain(id)
  })

  it('adds and imports nothing if a name exists and duplicates are to fail', async () => {
    const fail = ['--org', '42', '--on-duplicate', 'fail']
    const file = join(mkdtempSync(join(tmpdir(), 'cli-fail-')), 'people.csv')
    writeFileSync(file, 'name\nNew Person\nanna  MÜLLER\n')
    const before = world.chathub.operators(42)
    const [added, imported] = await Promise.all([
      cli('operators', 'add', ...fail, 'New Person', '王小明'),
      cli('operators', 'import', file, ...fail),
    ])
    expect([added.code, added.stderr]).toEqual([
      65,
      expect.stringContaining('/operators/1/name: An operator'),
    ])
    expect([imported.code, imported.stderr]).toEqual([
      65,
      'Nothing was imported. These names exist, or stand in the file twice:\n  line 3: anna  MÜLLER\n',
    ])
    expect(world.chathub.operators(42)).toEqual(before)
    writeFileSync(file, 'name\nNew Person\n')
    const sound = await cli('operators', 'import', file, ...fail)
    expect([sound.code, linesOf(sound)[0].created]).toEqual([0, 1])
  })

  it('ends with the code of sysexits.h and a sentence, never a stack', async () => {
    const nowhere = { ...env, CHATHUB_GATEWAY_URL: 'http://127.0.0.1:9' }
    const cases = [
      [64, ['operators', 'list', '--org', '24', '--colour'], env],
      [64, ['operators', 'list', '--org', '24'], {}],
      [64, ['operators', 'list', '--org', 'support'], env],
      [64, ['operators', 'set-status', 'inactive', '103', 'John', '--org', '24'], env],
      [65, ['operators', 'set-status', 'asleep', '103', '--org', '24'], env],
      [69, ['operators', 'list', '--org', '24'], nowhere],
      [77, ['operators', 'list', '--org', '24', '--key', 'cgw_wrong'], env],
      [78, ['doctor'], {}],
    ] as const
    await Promise.all(
      cases.map(async ([wanted, args, given]) => {
        const { code, stdout, stderr } = await runCli([...args], given)
        expect([args, code]).toEqual([args, wanted])
        expect(`${stdout}${stderr}`).not.toMatch(/^ +at /m)
        expect(`${stdout}${stderr}`).not.toBe('')
      }),
    )
  })

  it('examines settings, ports and ChatHub, and says what to do', async () => {
    const settings = {
      ...{ CHATHUB_BASE_URL: world.chathub.url, CHATHUB_COMPANY_TOKEN: 'ct_demo-company-token' },
      ...{
        API_KEYS: `{"clients":[{"id":"a","keyHash":"sha256:${'0'.repeat(64)}"}]}`,
        PORT: new URL(world.url).port,
      },
    }
    const { code, stdout, stderr } = await runCli(['doctor'], settings)
    const findings = linesOf({ stdout })
    expect([code, stderr, findings.map(({ check, state }) => [check.split(' ')[0], state])]).toEqual([
      ...[69, ''],
      [
        ['settings', 'ok'],
        ['PORT', 'fault'],
        ['ChatHub', 'ok'],
        ['Redis', 'ok'],
      ],
    ])
    expect(findings[1].advice).toMatch(/^Stop the program that has it/)
    expect(stdout).not.toContain('ct_demo')
    const redis = await openRedis()
    const withRedis = { ...settings, PORT: '0', REDIS_URL: redis.url, REDIS_PREFIX: redis.prefix }
    const denied = await runCli(['doctor'], { ...withRedis, CHATHUB_COMPANY_TOKEN: 'ct_wrong' })
    expect([denied.code, denied.stdout]).toEqual([
      69,
      expect.stringContaining('Replace CHATHUB_COMPANY_TOKEN'),
    ])
    const tried = linesOf(denied).slice(3)
    expect(tried.map(({ check }) => check)).toEqual(['Redis', 'eviction', 'clock', 'persistence'])
    expect(tried[0].found).toMatch(/^version \d.* allows all/)
    await redis.stop()
  })

  it('examines a Redis that evicts, keeps a file, refuses a command, a password or every connection', async () => {
    const redis = await startRedis({
      args: ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru', '--appendonly', 'yes'],
    })
    const settings = {
      CHATHUB_BASE_URL: world.chathub.url,
      CHATHUB_COMPANY_TOKEN: 'ct_demo-company-token',
      API_KEYS: `{"clients":[{"id":"a","keyHash":"sha256:${'0'.repeat(64)}"}]}`,
      PORT: '0',
    }
    const examine = async (REDIS_URL: string) => {
      const result = await runCli(['doctor'], { ...settings, REDIS_URL })
      const findings = linesOf(result).slice(3) as { check: string; state: string; found: string }[]
      return { code: result.code, findings, states: findings.map(({ check, state }) => [check, state]) }
    }
    const allowed = await examine(redis.url)
    expect([allowed.code, allowed.states]).toEqual([
      0,
      [
        ['Redis', 'ok'],
        ['eviction', 'warning'],
        ['clock', 'ok'],
        ['persistence', 'ok'],
      ],
    ])
    expect(allowed.findings[1]?.found).toBe('maxmemory-policy allkeys-lru may drop accepted writes')
    const admin = redis.client()
    await admin.acl('SETUSER', 'narrow', 'on', '>secret', '~*', '&*', '+@all', '-xadd')
    const narrow = await examine(redis.url.replace('//', '//narrow:secret@'))
    expect([narrow.code, narrow.states[0]]).toEqual([69, ['Redis', 'fault']])
    expect(narrow.findings[0]?.found).toMatch(/xadd/i)
    const unknown = await examine(redis.url.replace('//', '//narrow:wrong@'))
    expect([unknown.code, unknown.states]).toEqual([69, [['Redis', 'fault']]])
    expect(unknown.findings[0]?.found).toMatch(/WRONGPASS|password/i)
    await redis.kill()
    const gone = await examine(redis.url)
    expect([gone.code, gone.states]).toEqual([69, [['Redis', 'fault']]])
    expect(gone.findings[0]?.found).toMatch(/ECONNREFUSED/)
    await redis.stop()
  })

  /** What the page does with the fragment of its address. */
  const signIn = async (link: string) => {
    const [, origin, ticket] = /^(http:\/\/[\w.:]+)\/console\/#ticket=([\w-]{43})\n$/.exec(link) ?? []
    const headers = { Origin: String(origin), 'Content-Type': 'application/json' }
    const opened = await fetch(`${origin}/v1/session`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ ticket }),
    })
    const Cookie = opened.headers.get('set-cookie')?.split(';')[0] ?? ''
    const asked = { headers: { Cookie, 'X-Gateway-Session': '1', Origin: String(origin) } }
    const answer = await fetch(`${origin}/v1/session`, asked)
    const session = (await answer.json()) as { scopes: string[]; organizations: unknown }
    return { status: opened.status, session }
  }

  it('makes an address that signs one person in, once', async () => {
    const options = [
      '--subject',
      'olena',
      '--scopes',
      'operators:read',
      '--organizations',
      '24',
      '--ttl',
      '5',
    ]
    const { code, stdout, stderr } = await cli('login-link', ...options)
    expect([code, stderr]).toEqual([0, expect.stringMatching(/^Signs one person in, once, until 20.*Z\./)])
    const { status, session } = await signIn(stdout)
    expect([status, session]).toMatchObject([
      204,
      { subject: 'olena', scopes: ['operators:read'], organizations: [24] },
    ])
    expect((await signIn(stdout)).status).toBe(401)
    const all = await cli('login-link', '--json', '--origin', 'https://console.example.com')
    expect(linesOf(all)[0].url).toMatch(/^https:\/\/console\.example\.com\/console\/#ticket=/)
    for (const wrong of [
      ['--ttl', '61'],
      ['--ttl', 'x'],
      ['--organizations', 'a'],
    ])
      expect([wrong, (await cli('login-link', ...wrong)).code]).toEqual([wrong, 64])
    expect((await cli('login-link', '--scopes', 'everything')).code).toBe(65)
  })

  it('makes such an address without a key for who may write the file of keys', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'cli-link-')), 'clients.json')
    const others = { id: 'crm', keyHash: `sha256:${'0'.repeat(64)}`, scopes: [], organizations: [] }
    const over = {
      ...others,
      id: 'login-link',
      keyHash: `sha256:${'1'.repeat(64)}`,
      expiresAt: '2020-01-01T00:00:00Z',
    }
    writeFileSync(file, JSON.stringify({ clients: [others, over] }))
    const own = await startSimulator({ settings: { API_KEYS: '', API_KEYS_FILE: file } })
    const linked = await runCli(['login-link', '--file', file, '--url', own.url, '--organizations', '24'], {})
    expect([linked.code, linked.stderr]).toEqual([0, expect.stringContaining('Signs one person in')])
    const { status, session } = await signIn(linked.stdout)
    expect([status, session.organizations, session.scopes.includes('admin')]).toEqual([204, [24], true])
    expect(session.scopes).not.toContain('sessions:mint')
    const { clients } = JSON.parse(readFileSync(file, 'utf8'))
    expect(clients.map(({ id }: { id: string }) => id)).toEqual(['crm', 'login-link'])
    expect(Date.parse(clients[1].expiresAt) - Date.now()).toBeLessThanOrEqual(12 * 3_600_000)
    await own.close()
  })

  it('prints the document of its version, and what completes a command', async () => {
    const { stdout } = await cli('openapi')
    expect(JSON.parse(stdout)).toEqual(await (await fetch(`${world.url}/openapi.json`)).json())
    expect((await cli('complete', '--', 'operators')).stdout.split('\n')).toEqual(
      expect.arrayContaining(['list', 'set-status', '--help']),
    )
    expect((await cli('completion', 'bash')).stdout).toContain('chathub-gateway complete -- ')
  })
})
