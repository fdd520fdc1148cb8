import { type Client, createClient } from './client.ts'
import { createFakeGateway, type FakeGateway } from './fake-gateway.ts'
import type { FakeOrganization } from './fake-state.ts'

export type { FakeGateway, FakeOrganization }

/** A client whose gateway is in memory: for tests of programs that use the client. It waits for nothing. */
export const createFakeClient = (
  options: { organizations?: FakeOrganization[] } = {},
): Client & { fake: FakeGateway } => {
  const fake = createFakeGateway(options)
  return { ...createClient({ fetch: fake.fetch, pause: async () => {} }), fake }
}
