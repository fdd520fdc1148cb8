import type { Setting } from './setting.ts'

/** How many characters are added, left out or replaced between two texts (Levenshtein). */
const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1]
    for (const [j, other] of [...b].entries()) {
      const replaced = (row[j] as number) + Number(letter !== other)
      next.push(Math.min(replaced, (row[j + 1] as number) + 1, (next[j] as number) + 1))
    }
    row = next
  }
  return row[b.length] as number
}

// A shorter name with two other letters may well be a variable of another program. HOST and PORT are near to too much.
const longFrom = 12
const shortest = 6
const isNear = (name: string, setting: string): boolean =>
  Math.abs(name.length - setting.length) <= 2 &&
  distance(name, setting) <= (setting.length < longFrom ? 1 : 2)

/** A sentence for each variable that is nearly a setting, such as CACHE_FRESH_SECOND, or the file of one that takes none. */
export const misspelt = (
  env: Readonly<Record<string, string | undefined>>,
  settings: readonly Pick<Setting<unknown>, 'env' | 'secret'>[],
): string[] => {
  const withoutFile = new Set(settings.flatMap((one) => (one.secret ? [] : one.env)))
  const known = new Set(settings.flatMap((one) => (one.secret ? [one.env, `${one.env}_FILE`] : one.env)))
  return Object.keys(env).flatMap((name) => {
    if (!env[name] || known.has(name) || name.length < shortest) return []
    const plain = name.replace(/_FILE$/, '')
    if (withoutFile.has(plain)) return `${name}: is not read; ${plain} cannot be given as a file`
    // Where the near setting is set too, this is a variable of another program.
    const near = [...known].find((setting) => !env[setting] && isNear(name, setting))
    return near ? `${name}: is no setting; is ${near} meant?` : []
  })
}
