import type { RedisErrorReason } from '../report.ts'

const reasons: Record<string, RedisErrorReason> = {
  NOAUTH: 'denied',
  WRONGPASS: 'denied',
  NOPERM: 'denied',
  MOVED: 'moved',
  ASK: 'moved',
  CROSSSLOT: 'moved',
  READONLY: 'readonly',
  OOM: 'full',
  MISCONF: 'unwritable',
  NOREPLICAS: 'unwritable',
  LOADING: 'starting',
  MASTERDOWN: 'starting',
  CLUSTERDOWN: 'starting',
  TRYAGAIN: 'starting',
  BUSY: 'starting',
}
// Inside a script, Redis up to 6.2 puts the word behind « ERR Error running script (…): @user_script:3: … -».
const codePattern = new RegExp(`(?:^|[\\s-])(${Object.keys(reasons).join('|')})(?=\\s|$)`)
// NOPERM inside a script, in the words of Redis 6.2 and 7.0, and of Valkey.
const scriptDenied = /user executing the script can't|ACL failure in script/
const clientsMax = /max number of clients reached/

const advice: Partial<Record<RedisErrorReason, string>> = {
  moved: 'this server is a node of a cluster, so REDIS_URL must begin with redis+cluster://',
  readonly: 'this server is a replica, so REDIS_URL must name its master, or use redis+sentinel://',
}

/**
 * Why a command or a connection failed. `text`: the words of Redis, with what to do about them. Never a password: Redis
 * repeats arguments only behind « with args beginning with », which is cut off.
 */
export type RedisFault = { reason: RedisErrorReason; text: string }

type RedisError = Error & {
  code?: string
  lastNodeError?: Error | null
  previousErrors?: Error[]
  command?: { name: string }
}

export const faultOf = (error: RedisError): RedisFault => {
  const inner = error.lastNodeError ?? error.previousErrors?.[0]
  if (inner) return faultOf(inner)
  const message = error.message.split(/,? with args beginning with|\r?\n/)[0] ?? ''
  const code = codePattern.exec(message)
  const found = code?.[1] as string
  if (code)
    return named(reasons[found] as RedisErrorReason, message.slice(code.index).replace(/^[\s-]/, ''), error)
  if (scriptDenied.test(message)) return named('denied', message, error)
  if (clientsMax.test(message)) return named('starting', message, error)
  if (/timed out/.test(message)) return { reason: 'timeout', text: message }
  if (error.name === 'ReplyError') return named('refused', message, error)
  // Sentinel: the wait before the next attempt differs each time.
  const text = error.code ?? message.replace(/Retrying from scratch after \d+ms\. /, '')
  return { reason: 'connection', text: text.slice(0, textMax) }
}

const textMax = 160

const named = (reason: RedisErrorReason, message: string, { command }: RedisError): RedisFault => {
  const by = command ? `${command.name.toUpperCase()}: ` : ''
  const what = advice[reason] ? `; ${advice[reason]}` : ''
  return { reason, text: `${by}${message.slice(0, textMax)}${what}` }
}

/** True: it may end without anybody's help. Otherwise a person must change the server or the settings. */
export const isTemporary = ({ reason }: RedisFault): boolean =>
  reason === 'connection' || reason === 'timeout' || reason === 'starting'
