import { spawnSync } from 'node:child_process'
import { parse } from 'yaml'
import type { Block } from './blocks.ts'

type Provided = { command: string; env: Record<string, string> }

const check = (command: string, args: string[], input: string, env: Record<string, string> = {}): string => {
  const { status, stdout, stderr } = spawnSync(command, args, {
    input,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  })
  return status === 0 ? '' : `${stdout}${stderr}`
}

/** Why a block that is not run could not be, or ''. Undefined: there is no interpreter to ask. */
export const syntaxFaultOf = (
  { language, code }: Block,
  { python, php }: { python?: Provided | undefined; php?: Provided | undefined },
): string | undefined => {
  if (language === 'sh') return check('bash', ['-n'], code)
  if (language === 'js') return check(process.execPath, ['--input-type=module', '--check', '-'], code)
  if (language === 'python')
    return (
      python &&
      check(python.command, ['-c', 'import ast, sys; ast.parse(sys.stdin.read())'], code, python.env)
    )
  if (language === 'php') return php && check(php.command, ['-l'], `<?php\n${code}`, php.env)
  if (language === 'html') return /^<[\s\S]*>\n$/.test(code) ? '' : 'not HTML'
  try {
    if (language === 'yaml') parse(code)
    else JSON.parse(code)
    return ''
  } catch (error) {
    return (error as Error).message
  }
}
