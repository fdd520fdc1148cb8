#!/usr/bin/env node
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import closeWithGrace from 'close-with-grace'
import { systemClock } from './clock.ts'
import { ConfigFaults, readConfig } from './config.ts'
import { createGateway } from './gateway.ts'
import { createLog } from './log.ts'
import { openLogWriter } from './log-writer.ts'

/** sysexits.h: a fault of the settings. */
const EX_CONFIG = 78
// A balancer that asks /readyz each second learns that this instance leaves before it stops accepting.
const lingerMs = 1000
const drainMs = 20_000
// The process ends by then, whatever still runs.
const graceMs = 25_000

/** Told in one line: the reason is outside, a stack says nothing of it. */
class CannotListen extends Error {}

/** Listens; resolves with the origin that callers use. */
const listen = (server: Server, setting: string, port: number, host: string): Promise<string> =>
  new Promise((resolve, reject) => {
    server.once('error', ({ message }) =>
      reject(new CannotListen(`HOST=${host} ${setting}=${port}: ${message}`)),
    )
    server.listen(port, host, () => {
      const { address, family, port: bound } = server.address() as AddressInfo
      resolve(`http://${family === 'IPv6' ? `[${address}]` : address}:${bound}`)
    })
  })

/** Accepts nothing new, lets in-flight requests end, then resolves; idle connections are closed at once. */
const finish = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    if (!server.listening) return resolve()
    server.close(() => resolve())
    server.closeIdleConnections()
  })

/** The process: settings, gateway, listen, ready line, drain. @throws ConfigFaults */
export const run = async (env: Record<string, string | undefined>): Promise<{ url: string }> => {
  const config = readConfig(env)
  const output = openLogWriter()
  const pretty = process.stdout.isTTY
    ? (await import('pino-pretty')).default({ ignore: 'pid,hostname', destination: 1 })
    : undefined
  const log = createLog(config.logLevel, pretty ?? output)
  const gateway = createGateway(config, { log })
  await gateway.opened
  const url = await listen(gateway.server, 'PORT', config.port, config.host)
  const opsUrl =
    config.opsPort === undefined
      ? undefined
      : await listen(gateway.opsServer, 'OPS_PORT', config.opsPort, config.host)

  closeWithGrace({ delay: graceMs, logger: false }, async ({ err }) => {
    const stopBy = systemClock.now() + graceMs - 1000
    if (err) log.logger.fatal({ err }, 'uncaught')
    gateway.drain()
    await new Promise((resolve) => setTimeout(resolve, lingerMs))
    const forced = setTimeout(() => gateway.server.closeAllConnections(), drainMs)
    await Promise.all([finish(gateway.server), finish(gateway.opsServer)])
    clearTimeout(forced)
    await gateway.close(stopBy)
    await output.drained()
  })

  if (!config.redisUrl)
    log.logger.info('no REDIS_URL: lists, idempotency and operations live in this process only')
  // Written past the log, so that whoever waits for it sees it at every log level.
  process.stdout.write(
    `${JSON.stringify({ msg: 'ready', url, ...(opsUrl && { opsUrl }), pid: process.pid })}\n`,
  )
  return { url }
}

if (process.argv[1] && import.meta.filename === (await import('node:fs')).realpathSync(process.argv[1]))
  run(process.env).catch((error: unknown) => {
    if (error instanceof ConfigFaults) {
      process.stderr.write(`${error.message}\n`)
      process.exit(EX_CONFIG)
    }
    const told = error instanceof CannotListen ? error.message : (error as Error).stack
    process.stderr.write(`${told}\n`)
    process.exit(1)
  })
