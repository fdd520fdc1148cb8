import { help, readCommandLine } from './command-line.ts'
import { createSimulator, type SimulatorOptions } from './simulator.ts'

/**
 * The simulator as a process. It prints one JSON line `{"msg":"ready","url":"http://127.0.0.1:41234"}` on stdout when
 * it listens. It exits with 0 on SIGTERM or SIGINT, and with 64 (usage) for a wrong flag.
 */
export async function runSimulator(args: string[]): Promise<void> {
  const options = settings(args)
  if (options === 'help') {
    process.stdout.write(help)
    return
  }
  const simulator = await createSimulator(options)
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void simulator.close())
  process.stdout.write(`${JSON.stringify({ msg: 'ready', url: simulator.url })}\n`)
}

function settings(args: string[]): SimulatorOptions | 'help' {
  try {
    return readCommandLine(args, process.env)
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
    process.exit(64)
  }
}
