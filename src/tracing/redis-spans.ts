import { tracingChannel } from 'node:diagnostics_channel'
import { context, type Span, SpanKind, type Tracer, trace } from '@opentelemetry/api'

/** What ioredis publishes of each command. Its arguments are keys and values, of which nothing is told. */
type Command = {
  command: string
  args: string[]
  serverAddress: string
  serverPort?: number
  error?: unknown
}

const nothing = (): void => {}

/**
 * A span for each command of Redis that a span is waiting for. `scripts`: names by hash and by text. The returned function
 * ends it.
 */
export const spanRedisCommands = (
  tracer: Tracer,
  scripts: ReadonlyMap<string, string>,
  fail: (span: Span, error: unknown) => void,
): (() => void) => {
  const spans = new WeakMap<object, Span>()
  const start = (message: Command): void => {
    if (!trace.getSpan(context.active())?.isRecording()) return
    const { command, args, serverAddress, serverPort } = message
    const operation = command.toUpperCase()
    const script = operation.startsWith('EVAL') ? scripts.get(args[0] ?? '') : undefined
    const attributes = {
      'db.system.name': 'redis',
      'db.operation.name': operation,
      'server.address': serverAddress,
      ...(serverPort && { 'server.port': serverPort }),
      ...(script && { 'db.stored_procedure.name': script }),
    }
    const name = script ? `${operation} ${script}` : operation
    spans.set(message, tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes }))
  }
  const error = (message: Command): void => {
    const span = spans.get(message)
    if (span) fail(span, message.error)
  }
  const asyncEnd = (message: Command): void => spans.get(message)?.end()
  const channel = tracingChannel<string, Command>('ioredis:command')
  const listeners = { start, error, asyncEnd, end: nothing, asyncStart: nothing }
  channel.subscribe(listeners as Parameters<typeof channel.subscribe>[0])
  return () => void channel.unsubscribe(listeners as Parameters<typeof channel.unsubscribe>[0])
}
