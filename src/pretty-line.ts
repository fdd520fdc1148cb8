import { pino } from 'pino'
import { escapeControls } from './escape-controls.ts'

/** Yellow and red. */
const colors: Record<string, number> = { 40: 33, 50: 31, 60: 31 }

const levelText = (level: string, isColored: boolean): string => {
  const name = pino.levels.labels[Number(level)] ?? level
  return isColored && level in colors ? `\u001b[${colors[level]}m${name}\u001b[39m` : name
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

/** A JSON line of the log, for people at a terminal: time, level, message, then `name=value`, then the stack of an error. */
export const prettyLine = (line: string, isColored: boolean): string => {
  const { level, time, msg, err, ...fields } = JSON.parse(line) as Record<string, unknown>
  const { stack, ...cause } = (err ?? {}) as { stack?: string }
  const pairs = Object.entries({ ...fields, ...(err !== undefined && !stack && { err: cause }) })
  const said = pairs.map(([name, value]) => ` ${name}=${escapeControls(textOf(value))}`).join('')
  const trace = (stack ?? '').split('\n').map((text) => (text ? `  ${escapeControls(text)}\n` : ''))
  const clock = String(time).slice(11, 23)
  return `${clock} ${levelText(String(level), isColored)} ${escapeControls(String(msg))}${said}\n${trace.join('')}`
}
