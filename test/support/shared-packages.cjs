const { default: Runtime } = require('jest-runtime')

/**
 * Packages of which each worker has one copy, loaded by Node. Otherwise each suite loads its own: 700 files and half a
 * second. They keep nothing from one use to the next, and use no timer that a test replaces.
 */
const shared = new Set([
  '@fastify/busboy',
  'ajv-formats',
  'ajv/dist/2020.js',
  'express',
  'fast-check',
  'ioredis',
  'jose',
  'lru-cache',
  'negotiator',
  'prom-client',
  'supertest',
  'undici',
  'zod',
])

/** To jest they are modules of Node itself. */
module.exports = class extends Runtime {
  constructor(config, environment, resolver, ...rest) {
    const { isCoreModule } = Object.getPrototypeOf(resolver)
    resolver.isCoreModule = (name) => shared.has(name) || isCoreModule.call(resolver, name)
    super(config, environment, resolver, ...rest)
  }
}
