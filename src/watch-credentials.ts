import { type Keys, parseClients } from './access/keys.ts'
import type { Sessions } from './access/sessions.ts'
import type { CompanyToken } from './chathub/company-token.ts'
import type { Clock } from './clock.ts'
import { type Config, secretOf, settings } from './config.ts'
import type { Redis } from './redis/redis.ts'
import type { Reporter } from './report.ts'
import type { Secret } from './secret.ts'
import { watchFile } from './watch-file.ts'

/**
 * Applies changes of the files that hold callers and secrets. A file with a fault changes nothing; the fault is reported.
 * Returns how to stop.
 */
export const watchCredentials = (options: {
  config: Config
  keys: Keys
  companyToken: CompanyToken
  redis: Redis | undefined
  sessions: Sessions | undefined
  clock: Clock
  report: Reporter
}): (() => void) => {
  const { config, keys, companyToken, redis, sessions, clock, report } = options
  const watchers: { close(): void }[] = []

  /** `apply` returns false when the new content means the same. It throws when the content has a fault. */
  const watch = (setting: string, path: string, current: string, apply: (text: string) => boolean): void => {
    const changed = (text: string): void => {
      if (apply(text)) report({ name: 'secret-file', setting, result: 'changed' })
    }
    const kept = (because: string): void => report({ name: 'secret-file', setting, result: 'kept', because })
    watchers.push(watchFile({ path, current, clock, changed, kept }))
  }

  if (config.clientsFile)
    watch('API_KEYS_FILE', config.clientsFile, config.clients.json, (text) => {
      const { entries, faults } = parseClients(text, config.jwksUrl !== undefined, clock.wall())
      if (faults.length > 0) throw new Error(faults.join('; '))
      keys.replace(entries)
      return true
    })

  const secrets = [
    { name: 'companyToken', apply: (token: Secret) => companyToken.replace({ token }) },
    { name: 'password', apply: (password: Secret) => companyToken.replace({ password }) },
    { name: 'redisUrl', apply: (url: Secret) => redis?.replace(url.reveal()) },
    { name: 'sessionSecret', apply: (secret: Secret) => sessions?.replaceSecret(secret) },
  ] as const
  for (const { name, apply } of secrets) {
    const path = config.files[name]
    if (path === undefined) continue
    let current = config[name]?.reveal()
    watch(`${settings[name].env}_FILE`, path, '', (text) => {
      const next = settings[name].read(secretOf(text) || undefined)
      if (!next) throw new Error('the file is empty')
      if (next.reveal() === current) return false
      current = next.reveal()
      apply(next)
      return true
    })
  }
  return () => {
    for (const watcher of watchers) watcher.close()
  }
}
