import { type Keys, parseClients } from './access/keys.ts'
import type { Sessions } from './access/sessions.ts'
import type { CompanyToken } from './chathub/company-token.ts'
import { type Config, secretOf, settings } from './config.ts'
import type { Redis } from './redis/redis.ts'
import type { Report } from './report.ts'
import type { Secret } from './secret.ts'
import { watchFile } from './watch-file.ts'

/** Keeps callers and ChatHub's credentials as their files say; a file with a fault changes nothing and is reported. */
export const watchCredentials = (options: {
  config: Config
  keys: Keys
  companyToken: CompanyToken
  redis: Redis | undefined
  sessions: Sessions | undefined
  report: (report: Report) => void
}): { close(): void } => {
  const { config, keys, companyToken, report } = options
  const watchers: { close(): void }[] = []
  const watch = (setting: string, path: string, before: string, take: (text: string) => boolean): void => {
    watchers.push(
      watchFile(path, before, {
        changed: (text) => take(text) && report({ name: 'secret-file', setting, result: 'changed' }),
        kept: (because) => report({ name: 'secret-file', setting, result: 'kept', because }),
      }),
    )
  }
  if (config.clientsFile)
    watch('API_KEYS_FILE', config.clientsFile, config.clients.json, (text) => {
      const { entries, faults } = parseClients(text, config.jwksUrl !== undefined)
      if (faults.length > 0) throw new Error(faults.join('; '))
      keys.replace(entries)
      return true
    })
  const secrets = [
    { name: 'companyToken', take: (token: Secret) => companyToken.replace({ token }) },
    { name: 'password', take: (password: Secret) => companyToken.replace({ password }) },
    { name: 'redisUrl', take: (url: Secret) => options.redis?.replace(url.reveal()) },
    { name: 'sessionSecret', take: (secret: Secret) => options.sessions?.replaceSecret(secret) },
  ] as const
  for (const { name, take } of secrets) {
    const path = config.files[name]
    if (path === undefined) continue
    let current = config[name]?.reveal()
    watch(`${settings[name].env}_FILE`, path, '', (text) => {
      const next = settings[name].read(secretOf(text) || undefined)
      if (!next) throw new Error('the file is empty')
      // A file that differs only in its line end changes nothing.
      if (next.reveal() === current) return false
      current = next.reveal()
      take(next)
      return true
    })
  }
  return { close: () => watchers.forEach((watcher) => void watcher.close()) }
}
