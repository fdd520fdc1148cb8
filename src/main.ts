#!/usr/bin/env node
import { once } from 'node:events'
import { openSync, realpathSync } from 'node:fs'
import type { Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import closeWithGrace, { type Signals } from 'close-with-grace'
import { systemClock } from './clock.ts'
import { ConfigFaults, readConfig } from './config.ts'
import { exitCodes } from './exit-codes.ts'
import { createGateway } from './gateway.ts'
import { createLog } from './log.ts'
import { openLogWriter } from './log-writer.ts'
import { proxyFor } from './outbound.ts'
import { prettyLine } from './pretty-line.ts'
import { openTracing } from './tracing/open-tracing.ts'
import { PackagesMissing } from './tracing/tracing.ts'

const halfRequestMs = 500
const drainMs = 20_000
// Connections that the kernel completes and holds until they are accepted. One beyond it tries again after 1, 3, 7 … seconds.
// The kernel has a bound of its own, usually 4,096.
const backlog = 4096
// After the delay the process ends by then, also when requests or writes are still running.
const graceMs = 25_000

/** Printed as one line: a stack says nothing about the cause. */
class CannotListen extends Error {}

/** Listens. Resolves with the origin that callers use. */
const listen = async (server: Server, setting: string, port: number, host: string): Promise<string> => {
  await once(server.listen({ port, host, backlog }), 'listening').catch(({ code, message }) => {
    if (code === 'EADDRINUSE')
      throw new CannotListen(`${setting}=${port} is taken on ${host}; wanted: a free port, or 0 for any`)
    throw new CannotListen(`HOST=${host} ${setting}=${port}: ${message}`)
  })
  const { address, family, port: bound } = server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${bound}`
}

/**
 * Accepts nothing new and closes idle connections. Resolves when the in-flight requests have ended. A request that has not
 * arrived completely gets a short grace. Node counts a connection that sent nothing as busy, so it is closed here.
 */
const finish = (server: Server, sockets: Iterable<Socket>): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve())
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy()
    setTimeout(() => {
      for (const socket of sockets) if (!isInFlight(socket)) socket.destroy()
    }, halfRequestMs).unref()
  })

/** Whether the answer to a complete request is not written yet. The newest request may be only a part of one. */
const isInFlight = ({ answer, answerBefore }: Socket): boolean =>
  [answer, answerBefore].some((one) => one?.req.complete === true && !one.writableFinished)

const socketsOf = (server: Server): Set<Socket> => {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  return sockets
}

/**
 * Signals that tell of a fault of the process. With a handler the kernel carries out the faulty instruction again and again,
 * so a crash would use a core for ever. Without one it ends the process.
 */
const faults: Signals[] = ['SIGILL', 'SIGTRAP', 'SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGSEGV']

/**
 * The process: settings, gateway, listen, ready line, drain. With `logFile` the log and the ready line go there.
 * @throws ConfigFaults, CannotListen
 */
export const run = async (
  env: Record<string, string | undefined>,
  logFile?: string,
): Promise<{ url: string }> => {
  const config = readConfig(env)
  const output = openLogWriter(logFile === undefined ? 1 : openSync(logFile, 'a', 0o600))
  // NO_COLOR and TERM=dumb count.
  const isColored = process.stdout.isTTY && process.stdout.hasColors()
  const terminal = { write: (line: string) => output.write(prettyLine(line, isColored)) }
  const warn = (because: string): void => log.logger.warn({ because }, 'spans are lost')
  const tracing = await openTracing(config, warn).catch((error: unknown) => {
    throw error instanceof PackagesMissing ? new ConfigFaults([error.message]) : error
  })
  const destination = logFile === undefined && process.stdout.isTTY ? terminal : output
  const log = createLog(config.logLevel, destination, tracing)
  const gateway = createGateway(config, { log, tracing })
  await gateway.opened
  const [sockets, opsSockets] = [socketsOf(gateway.server), socketsOf(gateway.opsServer)]
  const { host, port, opsPort, shutdownDelayMs } = config
  const url = await listen(gateway.server, 'PORT', port, host)
  const opsUrl =
    opsPort === undefined ? undefined : await listen(gateway.opsServer, 'OPS_PORT', opsPort, host)

  closeWithGrace({ delay: shutdownDelayMs + graceMs, logger: false, skip: faults }, async ({ err }) => {
    const stopBy = systemClock.now() + shutdownDelayMs + graceMs - 1000
    if (err) log.logger.fatal({ err }, 'uncaught')
    gateway.drain()
    // The balancer stops sending requests before this instance stops accepting them.
    await new Promise((resolve) => setTimeout(resolve, shutdownDelayMs))
    const forced = setTimeout(() => gateway.server.closeAllConnections(), drainMs)
    await Promise.all([finish(gateway.server, sockets), finish(gateway.opsServer, opsSockets)])
    clearTimeout(forced)
    await gateway.close(stopBy)
    await tracing.stop()
    await output.drained()
  })

  for (const warning of config.warnings) log.logger.warn(warning)
  const targets = { ChatHub: config.chathubUrl, 'the key set': config.jwksUrl }
  for (const [name, target] of Object.entries(targets)) {
    const proxy = target && proxyFor(target, config)
    // The origin of a URL has no user and password.
    if (proxy) log.logger.info({ proxy: proxy.origin }, `requests to ${name} go through a proxy`)
  }
  if (!config.redisUrl)
    log.logger.info('no REDIS_URL: lists, idempotency, operations and sessions are kept in this process only')
  // Not written by the log: supervisors wait for this line, so it comes at every log level.
  const ready = `${JSON.stringify({ msg: 'ready', url, opsUrl, pid: process.pid })}\n`
  if (logFile === undefined) process.stdout.write(ready)
  else output.write(ready)
  return { url }
}

/** Ends the process that could not start. Only what nobody foresaw has a stack. */
export const exitUnstarted = (error: unknown): never => {
  const isConfig = error instanceof ConfigFaults
  const isKnown = isConfig || error instanceof CannotListen
  process.stderr.write(`${isKnown ? error.message : (error as Error).stack}\n`)
  process.exit(isConfig ? exitCodes.config : isKnown ? exitCodes.unavailable : 1)
}

if (process.argv[1] && import.meta.filename === realpathSync(process.argv[1]))
  run(process.env).catch(exitUnstarted)
