import { ZodError } from 'zod'
import type { IdentityProvider } from './access/identity-provider.ts'
import { type Keys, parseClients } from './access/keys.ts'
import type { Sessions } from './access/sessions.ts'
import { parseRoles } from './access/sign-in-roles.ts'
import type { CompanyToken } from './chathub/company-token.ts'
import type { SharedLogin } from './chathub/shared-login.ts'
import type { Clock } from './clock.ts'
import { type Config, secretOf, settings } from './config.ts'
import type { Redis } from './redis/redis.ts'
import type { Reporter } from './report.ts'
import type { Secret } from './secret.ts'
import { watchFile } from './watch-file.ts'

type Settings = typeof settings
/** Settings whose value is a secret. */
type WatchedName = {
  [K in keyof Settings]: ReturnType<Settings[K]['read']> extends Secret | undefined ? K : never
}[keyof Settings]

/** @throws an error that says what is wanted and never repeats the value */
const readAgain = (name: WatchedName, text: string): Secret | undefined => {
  try {
    return settings[name].read(text || undefined)
  } catch (error) {
    const issues = error instanceof ZodError ? error.issues : []
    throw new Error(issues.map(({ message }) => `wanted: ${message}`).join('; ') || 'it cannot be read')
  }
}

/**
 * Applies changes of the files that hold callers and secrets. A file with a fault changes nothing; the fault is reported.
 * Returns how to stop.
 */
export const watchCredentials = (options: {
  config: Config
  keys: Keys
  companyToken: CompanyToken
  sharedLogin: SharedLogin | undefined
  redis: Redis | undefined
  sessions: Sessions | undefined
  identityProvider: IdentityProvider | undefined
  webhookKeys: { replaceSecret(secret: Secret): void }
  clock: Clock
  report: Reporter
}): (() => void) => {
  const { config, keys, companyToken, sharedLogin, redis, sessions, webhookKeys, clock, report } = options
  const { identityProvider } = options
  const stopping = new AbortController()

  /** Throws when the new content has a fault. */
  const watch = (name: WatchedName, apply: (next: Secret) => void): void => {
    const path = config.files[name]
    if (path === undefined) return
    const setting = `${settings[name].env}_FILE`
    let current = config[name]?.reveal()
    const changed = (text: string): void => {
      const next = readAgain(name, secretOf(text))
      if (!next) throw new Error('the file is empty; wanted: the secret')
      if (next.reveal() === current) return
      apply(next)
      current = next.reveal()
      report({ name: 'secret-file', setting, result: 'changed' })
    }
    const kept = (because: string): void => report({ name: 'secret-file', setting, result: 'kept', because })
    void watchFile({ path, clock, signal: stopping.signal, changed, kept })
  }

  watch('clients', (json) => {
    const { entries, faults } = parseClients(json.reveal(), config.jwksUrl !== undefined, clock.wall())
    if (faults.length > 0) throw new Error(faults.join('; '))
    keys.replace(entries)
  })
  watch('companyToken', (token) => companyToken.replace({ token }))
  watch('password', (password) => companyToken.replace({ password }))
  watch('redisUrl', (url) => redis?.replace(url.reveal()))
  watch('sessionSecret', (secret) => sessions?.replaceSecret(secret))
  watch('oidcClientSecret', (secret) => identityProvider?.replace({ secret }))
  watch('oidcRoles', (json) => {
    const { roles, faults } = parseRoles(json.reveal())
    if (faults.length > 0) throw new Error(faults.join('; '))
    identityProvider?.replace({ roles })
  })
  watch('tokenEncryptionSecret', (secret) => {
    sharedLogin?.replaceSecret(secret)
    webhookKeys.replaceSecret(secret)
  })
  return () => stopping.abort()
}
