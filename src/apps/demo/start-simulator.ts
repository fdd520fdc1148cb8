import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { Writable } from 'node:stream'
import { hashKey, makeKey } from '../../access/keys.ts'
import { readConfig } from '../../config.ts'
import { scopes } from '../../contract/scopes.ts'
import { createGateway } from '../../gateway.ts'
import { createLog } from '../../log.ts'
import { createSimulator, type Simulator, type SimulatorOptions } from '../simulator/simulator.ts'

export type { Simulator, SimulatorOptions }

export type Simulation = {
  /** Origin of the gateway. */
  url: string
  /** A key with every scope and organization. */
  key: string
  /** The ChatHub behind it: its data, and faults on demand. */
  chathub: Simulator
  close(): Promise<void>
}

type Options = SimulatorOptions & { settings?: Record<string, string> | undefined }

/**
 * A whole gateway before a simulated ChatHub, both in this process and on free ports of loopback: for tests of programs that
 * use the gateway. `settings` are those of the environment. @throws ConfigFaults
 */
export const startSimulator = async ({ settings, ...options }: Options = {}): Promise<Simulation> => {
  const chathub = await createSimulator({ loginSpacingMs: 0, ...options })
  try {
    return await startGateway(chathub, { settings, ...options })
  } catch (error) {
    // Its port would keep the process alive.
    await chathub.close()
    throw error
  }
}

const startGateway = async (
  chathub: Simulator,
  { settings, login = 'demo', password = 'demo-password' }: Options,
): Promise<Simulation> => {
  const key = makeKey('test')
  const config = readConfig({
    CHATHUB_BASE_URL: chathub.url,
    CHATHUB_LOGIN: login,
    CHATHUB_PASSWORD: password,
    CHATHUB_REQUESTS_PER_SECOND: '1000',
    CHATHUB_PROBE_SECONDS: '0',
    LOG_LEVEL: 'silent',
    API_KEYS: JSON.stringify({
      clients: [{ id: 'test', keyHash: hashKey(key), scopes, organizations: '*' }],
    }),
    ...settings,
  })
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const gateway = createGateway(config, { log: createLog(config.logLevel, nowhere) })
  await gateway.opened
  await once(gateway.server.listen(0, '127.0.0.1'), 'listening')
  const { port } = gateway.server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    key,
    chathub,
    close: async () => {
      gateway.server.closeAllConnections()
      await new Promise((resolve) => gateway.server.close(resolve))
      await gateway.close()
      await chathub.close()
    },
  }
}
