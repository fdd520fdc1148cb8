import { programOf, spawnReady } from './processes.ts'
import { until } from './until.ts'

/** A gateway of the host. `lines` and `output` begin where it was started. */
export type HostedGateway = { url: string; lines(): Record<string, unknown>[]; output(): string }

/**
 * A process in which gateways run as in production, each with its own settings. It is for settings that Node reads at the
 * start of a process, where a process for each gateway would be slow. `stopEverything` ends it.
 */
export const startGatewayHost = async (
  env: Record<string, string>,
): Promise<{ start(settings: Record<string, string>): Promise<HostedGateway>; kill(): Promise<unknown> }> => {
  const host = await spawnReady(process.execPath, ['test/support/gateway-host.mjs', programOf('main')], env)
  return {
    kill: () => {
      host.signal('SIGKILL')
      return host.exited
    },
    start: async (settings) => {
      const [before, text] = [host.lines().length, host.output().length]
      const lines = () => host.lines().slice(before)
      const ready = () => lines().find(({ msg }) => msg === 'ready')
      host.send(
        `${JSON.stringify({ CHATHUB_PROBE_SECONDS: '0', REFRESH_BUDGET_PERCENT: '0', ...settings })}\n`,
      )
      await until(() => ready() !== undefined)
      return { url: ready()?.['url'] as string, lines, output: () => host.output().slice(text) }
    },
  }
}
