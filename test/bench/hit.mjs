// What does a cached list cost beside others who would answer it?
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { key, keyHeader, listPath, payloads, startGateway, startSimulator } from './lib/gateway.mjs'
import { project, scratch, serverCore, start } from './lib/processes.mjs'
import { effort, race, row } from './lib/rounds.mjs'
import { startNginx } from './peers/nginx.mjs'
import { startRedis } from './peers/redis.mjs'

const keyHash = createHash('sha256').update(key).digest('hex')

export const question =
  'A cached list, all features on (key, right, limit, id, log, metrics, ETag), to its peers'

export const peer = async (name, args) => {
  const one = start(serverCore, process.execPath, [
    `${project}test/bench/peers/${name}.mjs`,
    ...args.map(String),
  ])
  return { ...one, url: await one.url() }
}

/** A simulator with the three payloads, and their bytes in files. */
export const prepareLists = async () => {
  const simulator = await startSimulator()
  for (const { organization, operators } of payloads) {
    await simulator.setOperators(organization, operators)
  }
  const gateway = await startGateway(simulator)
  const bodies = []
  for (const { organization } of payloads) {
    const answer = await gateway.get(listPath(organization), { 'Accept-Encoding': 'identity' })
    const bytes = Buffer.from(await answer.arrayBuffer())
    const file = join(scratch, `${organization}.json`)
    writeFileSync(file, bytes)
    bodies.push({ bytes, file })
  }
  await gateway.stop()
  return { simulator, bodies }
}

export const run = async (options) => {
  const { short, only, builds, say } = options
  const { simulator, bodies } = await prepareLists()
  const redis = only && !only.includes('usual stack') ? undefined : await startRedis()
  if (redis) {
    const client = new Redis({ port: redis.port })
    for (const [index, { organization }] of payloads.entries())
      await client.set(`operators:${organization}`, bodies[index].bytes)
    client.disconnect()
  }
  const measured = []
  for (const [index, { organization, operators }] of payloads.entries()) {
    if (short && operators !== 100) continue
    const { file, bytes } = bodies[index]
    const path = listPath(organization)
    const wanted = (name) => !only || only.includes(name)
    const contestants = async () => {
      const made = [['bare', await peer('bare', [file])]]
      for (const { name, dist } of builds) {
        const gateway = await startGateway(simulator, { from: dist })
        await gateway.get(path)
        made.push([name, gateway])
      }
      if (wanted('fastify')) made.push(['fastify', await peer('fastify', [file, keyHash])])
      if (wanted('nginx')) {
        const source = await peer('bare', [file])
        const nginx = await startNginx({ upstream: source.url, key })
        if (nginx) {
          await (await fetch(nginx.url + path, { headers: keyHeader })).arrayBuffer()
          made.push(['nginx', nginx])
        }
        await source.stop()
      }
      if (redis) made.push(['usual stack', await peer('usual-stack', [keyHash, redis.port])])
      return made.map(([name, one]) => ({ ...one, name, url: one.url + path, headers: keyHeader }))
    }
    const slices = await race(contestants, effort(options))
    const rows = [...slices].map(([name, own]) => row(name, own, slices.get('bare')))
    say(`${operators} operators, ${bytes.length} bytes`, rows)
    measured.push({ operators, bytes: bytes.length, rows })
  }
  await redis?.stop()
  await simulator.stop()
  return measured
}
