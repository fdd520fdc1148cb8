// Checks of the Dockerfile without a container engine: the lines of its stages run in folders, and what the last stage holds
// is run as a container would: nothing else is there, nothing can be written, and nobody is root.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { validate } from 'dockerfile-utils'

const project = fileURLToPath(new URL('../..', import.meta.url))
const parent = mkdtempSync(join(tmpdir(), 'image-'))
process.on('exit', () => rmSync(parent, { recursive: true, force: true }))

const dockerfile = readFileSync(join(project, 'Dockerfile'), 'utf8')
/** The stages: name, and instructions with their text. */
const stages = dockerfile
  .replaceAll(/^#.*\n/gm, '')
  .replaceAll(/\\\n\s*/g, ' ')
  .split(/^FROM /m)
  .slice(1)
  .map((text) => {
    const [from, ...lines] = text.split('\n').filter(Boolean)
    return { name: from.split(' AS ')[1], lines: lines.map((line) => line.split(/ (.*)/s).slice(0, 2)) }
  })
const last = stages.at(-1)
const textOf = (instruction) => last.lines.find(([name]) => name === instruction)?.[1] ?? ''
const listIn = (text) => JSON.parse(text.slice(text.indexOf('[')))

/** Copies and runs what a stage says. `root` is its file system; commands of this machine stand in for those of its base. */
const make = ({ lines }, root, roots) => {
  let folder = root
  for (const [instruction, text] of lines) {
    if (instruction === 'WORKDIR') mkdirSync((folder = join(root, text)), { recursive: true })
    if (instruction === 'COPY') {
      const words = text.split(' ')
      const stage = /^--from=(.*)/.exec(words[0])?.[1]
      const to = words.at(-1)
      for (const path of words.slice(stage ? 1 : 0, -1))
        cpSync(join(stage ? roots[stage] : project, path), join(folder, to.endsWith('/') ? `${to}${path}` : to), {
          recursive: true,
          verbatimSymlinks: true,
        })
    }
    if (instruction === 'RUN') {
      const env = { PATH: process.env.PATH, HOME: parent, npm_config_prefer_offline: 'true' }
      if (process.env.HOME) env.npm_config_cache = join(process.env.HOME, '.npm')
      const { status, stdout, stderr } = spawnSync('sh', ['-c', text], { cwd: folder, env, encoding: 'utf8' })
      if (status !== 0) throw new Error(`RUN ${text}\n${stdout}${stderr}`)
    }
  }
}
/** Node, and the libraries that it links to, as the base of the last stage has them. */
const addNode = (root) => {
  const put = (from, to) => {
    mkdirSync(dirname(join(root, to)), { recursive: true })
    cpSync(from, join(root, to), { dereference: true })
  }
  put(process.execPath, '/nodejs/bin/node')
  const { stdout } = spawnSync('ldd', [process.execPath], { encoding: 'utf8' })
  for (const [, path] of stdout.matchAll(/(\/\S+) \(0x/g)) put(path, path)
  mkdirSync(join(root, 'proc'))
}

const isRoot = process.getuid() === 0
/** Starts a command with `root` as its whole, read-only file system. */
const start = (root, command, env) => {
  const user = isRoot ? `--userspec=${textOf('USER')}` : ''
  const script = `mount --make-rprivate / && mount --bind ${root} ${root} && mount --rbind /proc ${root}/proc \
&& mount -o remount,bind,ro ${root} && exec chroot ${user} ${root} "$@"`
  const namespaces = isRoot ? ['--mount'] : ['--user', '--map-root-user', '--mount']
  const own = Object.fromEntries(textOf('ENV').split(' ').map((pair) => pair.split('=')))
  // chroot begins at /, and WORKDIR is a folder of the image.
  const [node, ...args] = command
  const inFolder = args.map((arg) => (arg.startsWith('dist/') ? join(textOf('WORKDIR'), arg) : arg))
  const child = spawn('unshare', [...namespaces, 'sh', '-c', script, 'sh', node, ...inFolder], {
    env: { PATH: process.env.PATH, ...own, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (said += data))
  const ended = once(child, 'close').then(([code]) => code)
  return {
    said: () => said,
    ended,
    ready: async () => {
      const line = () => /\{[^\n]*"msg":"ready"[^\n]*\}/.exec(said)?.[0]
      while (!line()) {
        const code = await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 50))])
        if (code !== undefined) throw new Error(`ended with ${code}: ${said}`)
      }
      return JSON.parse(line()).url
    },
    stop: () => {
      child.kill('SIGTERM')
      return ended
    },
  }
}
const freePort = async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  return port
}

const lint = (text) => validate(text).map(({ range, message }) => `line ${range.start.line + 1}: ${message}`)

export const imageChecks = {
  'The Dockerfile, by the linter of its language server, which finds faults': () => {
    const broken = lint(dockerfile.replace('STOPSIGNAL SIGTERM', 'STOPSIGNALS SIGTERM'))
    return [...lint(dockerfile), ...(broken.length > 0 ? [] : ['a planted fault was not found'])]
  },
  'The image: its stages run, and its content works alone, read-only and without root': async () => {
    const roots = {}
    for (const [number, stage] of stages.entries()) {
      const root = join(parent, String(number))
      mkdirSync(root)
      make(stage, root, roots)
      if (stage.name) roots[stage.name] = root
      else addNode(root)
    }
    const root = join(parent, String(stages.length - 1))
    const faults = []
    const check = (holds, fault) => {
      if (!holds) faults.push(fault)
    }
    const [node] = listIn(textOf('ENTRYPOINT'))
    const endOf = async (command, env) => {
      const run = start(root, command, env)
      return { code: await run.ended, said: run.said() }
    }
    check(!existsSync(join(root, 'bin/sh')), 'there is a shell')
    const tries = `for (const path of ['/x', '/app/x', '/app/dist/x']) try { fs.writeFileSync(path, ''); console.log(path) } catch ({ code }) { console.log(code) }
console.log(process.getuid())`
    const tried = await endOf([node, '-e', tries], {})
    const user = isRoot ? textOf('USER').split(':')[0] : '0'
    check(tried.said === `EROFS\nEROFS\nEROFS\n${user}\n`, `writes and user: ${tried.said}`)
    const keys = await endOf([node, 'dist/cli.js', 'keys', 'create', '--id', 'crm'], {})
    check(keys.code === 0 && keys.said.includes('cgw_crm_'), `keys create: ${keys.code} ${keys.said}`)

    const simulator = start(root, [node, 'dist/apps/simulator/main.js', '--port', '0'], {})
    const port = await freePort()
    const key = 'a-key-for-trying-out-that-is-public-0001'
    const settings = {
      ...{ HOST: '127.0.0.1', PORT: String(port), CHATHUB_BASE_URL: await simulator.ready() },
      ...{ CHATHUB_COMPANY_TOKEN: 'ct_demo-company-token', SESSION_SECRET: 'a-secret-for-trying-out-that-is-public' },
      API_KEYS: JSON.stringify({
        clients: [
          {
            ...{ id: 'image', organizations: '*', scopes: ['operators:read', 'operators:write'] },
            keyHash: 'sha256:037c911918a3a796a603c796fa72cb3de255a50f82a10995a3f1893e969f30c7',
          },
        ],
      }),
    }
    const gateway = start(root, [node, ...listIn(textOf('CMD'))], settings)
    const url = await gateway.ready()
    const statusOf = async (path, init = {}) =>
      (await fetch(url + path, { ...init, headers: { 'X-API-Key': key, ...init.headers } })).status
    const operators = '/v1/organizations/24/operators'
    const post = {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{"operators":[{"name":"Olena"}]}',
    }
    const workbook = { ...post, headers: { 'Content-Type': 'text/csv' }, body: 'name\nOlena\n' }
    const found = [
      await statusOf('/readyz'),
      await statusOf(operators),
      await statusOf(operators, post),
      await statusOf('/docs/reference'),
      await statusOf('/console/'),
      await statusOf('/v1/organizations/24/imports?dryRun=true', workbook),
    ]
    check(found.join() === '200,200,201,200,200,403', `statuses: ${found}`)
    const health = await endOf([...listIn(textOf('HEALTHCHECK'))], settings)
    check(health.code === 0, `HEALTHCHECK: ${health.code} ${health.said}`)
    const sick = await endOf([...listIn(textOf('HEALTHCHECK'))], { PORT: String(await freePort()) })
    check(sick.code === 1, `HEALTHCHECK of nobody: ${sick.code}`)
    check((await gateway.stop()) === 0, `SIGTERM: ${await gateway.ended} ${gateway.said()}`)
    await simulator.stop()
    return faults
  },
}
