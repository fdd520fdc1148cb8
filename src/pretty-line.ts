const levels: Record<string, string> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: '\u001b[33mwarn\u001b[39m',
  50: '\u001b[31merror\u001b[39m',
  60: '\u001b[31mfatal\u001b[39m',
}

/** Control characters as escapes, because a terminal acts on them. */
const harmless = (text: string): string =>
  text.replaceAll(/\p{Cc}/gu, (character) => JSON.stringify(`${character}`).slice(1, -1))

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

/** A JSON line of the log, for people at a terminal: time, level, message, then `name=value`, then the stack of an error. */
export const prettyLine = (line: string): string => {
  const { level, time, msg, err, ...fields } = JSON.parse(line) as Record<string, unknown>
  const { stack, ...cause } = (err ?? {}) as { stack?: string }
  const pairs = Object.entries({ ...fields, ...(err !== undefined && !stack && { err: cause }) })
  const said = pairs.map(([name, value]) => ` ${name}=${harmless(textOf(value))}`).join('')
  const trace = (stack ?? '').split('\n').map((text) => (text ? `  ${harmless(text)}\n` : ''))
  const clock = String(time).slice(11, 23)
  return `${clock} ${levels[String(level)] ?? level} ${harmless(String(msg))}${said}\n${trace.join('')}`
}
