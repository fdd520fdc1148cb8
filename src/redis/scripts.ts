import type { Redis } from './redis.ts'

type Scripts<Name extends string> = Record<Name, ReturnType<Redis['script']>>

/** Scripts of one owner under its name and their own, as `lockRenew`. Each begins with `prelude`. */
export const createScripts = <Name extends string>(
  redis: Pick<Redis, 'script'>,
  owner: string,
  texts: Record<Name, string>,
  prelude = '',
): Scripts<Name> => {
  const scripts = Object.entries<string>(texts).map(([name, lua]) => {
    const fullName = owner + name.charAt(0).toUpperCase() + name.slice(1)
    return [name, redis.script(fullName, prelude + lua)] as const
  })
  return Object.fromEntries(scripts) as Scripts<Name>
}
