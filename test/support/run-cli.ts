import { type ChildProcess, spawn } from 'node:child_process'
import { type Exit, track } from './children.ts'
import { programOf } from './processes.ts'

/** The command line as a process: what it has written so far, and its end. */
export const startCli = (
  args: string[],
  env: Record<string, string> = {},
): { child: ChildProcess; stdout(): string; stderr(): string; ended: Promise<Exit> } => {
  const child = spawn(process.execPath, [programOf('cli'), ...args], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
  })
  const texts = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text
    })
  return { child, stdout: () => texts.stdout, stderr: () => texts.stderr, ended: track(child) }
}

export const runCli = async (args: string[], env: Record<string, string> = {}) => {
  const started = startCli(args, env)
  const { code } = await started.ended
  return { code, stdout: started.stdout(), stderr: started.stderr() }
}
