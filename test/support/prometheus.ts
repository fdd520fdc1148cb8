import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stopChild, track } from './children.ts'
import { freePort } from './free-port.ts'
import { until } from './until.ts'

export type Prometheus = { url: string; stop(): Promise<void> }

/** A real Prometheus with these settings, whose data are in `folder`. Ready when the promise resolves. */
export const startPrometheus = async (
  { command, env, folder }: { command: string; env: Record<string, string>; folder: string },
  settings: object,
): Promise<Prometheus> => {
  const port = await freePort()
  // JSON is YAML.
  writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(settings))
  const child = spawn(
    command,
    ['--config.file=prometheus.yml', '--storage.tsdb.path=data', `--web.listen-address=127.0.0.1:${port}`],
    { cwd: folder, env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'] },
  )
  void track(child)
  let said = ''
  child.stderr.on('data', (data) => (said += data))
  await until(() => /Server is ready|err=/.test(said))
  return { url: `http://127.0.0.1:${port}`, stop: () => stopChild(child) }
}
