import { isIP } from 'node:net'
import { z } from 'zod'
import { isOrigin } from './contract/session.ts'
import { parseRedisUrl } from './redis/redis-url.ts'
import { Secret } from './secret.ts'
import { parseAllowedHost, parsePrivateHost } from './webhooks/target.ts'

/** One row of the settings table: a variable, what it means, and how its text becomes a value. */
export type Setting<T> = {
  env: string
  sentence: string
  /** The default, as shown in .env.example. Undefined: the setting has no default. */
  fallback: string | undefined
  /** True: the value may come from the file that `<env>_FILE` names, and it is never printed. */
  secret: boolean
  /** Throws a ZodError. Its messages say what is wanted and never repeat the value. */
  read(text: string | undefined): T
}

type Type<T> = z.ZodType<T, string>

const row = <T>(
  env: string,
  type: Type<T>,
  sentence: string,
  fallback?: string,
  isSecret = false,
): Setting<T | undefined> => ({
  env,
  sentence: type.description ? `${sentence} (${type.description})` : sentence,
  fallback,
  secret: isSecret,
  read: (text = fallback) => (text === undefined ? undefined : type.parse(text)),
})

/** A setting with a default. */
export const setting = <T>(env: string, type: Type<T>, fallback: string, sentence: string) =>
  row(env, type, sentence, fallback) as Setting<T>

/** A setting that is undefined when its variable is unset. */
export const optional = <T>(env: string, type: Type<T>, sentence: string) => row(env, type, sentence)

/** A value that is never printed. The variable `<env>_FILE` may name a file that holds it. */
export const secret = (env: string, type: Type<string>, sentence: string) => {
  const hidden = type.transform((text) => new Secret(text))
  return row(env, hidden, sentence, undefined, true)
}

/** Text for which `isValid` returns true; an error means false. `wanted` completes the sentence « wanted: … ». */
const textThat = (wanted: string, isValid: (text: string) => boolean) => {
  const check = (text: string): boolean => {
    try {
      return isValid(text)
    } catch {
      return false
    }
  }
  return z.string().refine(check, { error: wanted })
}

export const anyText = z.string()

export const oneLine = (lengthMin: number) =>
  textThat(
    `one line of at least ${lengthMin} characters`,
    (text) => text.length >= lengthMin && !/[\r\n\0]/.test(text),
  )

/** A whole number in plain digits. Both bounds are included. */
export const wholeNumber = (min: number, max: number) =>
  textThat(
    `a whole number from ${min} to ${max}`,
    (text) => /^\d{1,12}$/.test(text) && Number(text) >= min && Number(text) <= max,
  )
    .transform(Number)
    .describe(`${min}–${max}`)

/** A whole number of units of so many milliseconds. The value is in milliseconds. */
const timeIn = (unitMs: number) => (min: number, max: number) =>
  wholeNumber(min, max)
    .transform((value) => value * unitMs)
    .describe(`${min}–${max}`)
export const seconds = timeIn(1000)
export const hours = timeIn(3_600_000)
export const days = timeIn(86_400_000)

/**
 * Counts by name, as in `rows=200000,operations=10000`. A name that is left out keeps its count of `defaults`. `least`: the
 * least count of names that have one above 1.
 */
export const counts = <K extends string>(
  defaults: Readonly<Record<K, number>>,
  least: Partial<Record<K, number>>,
) => {
  const names = Object.keys(defaults) as K[]
  const isEntry = (text: string): boolean => {
    const [, name, count] = /^([a-z-]+)=(\d{1,9})$/.exec(text) ?? []
    return names.includes(name as K) && Number(count) >= (least[name as K] ?? 1)
  }
  const bounds = Object.entries(least).map(([name, count]) => `, ${name} at least ${count}`)
  const wanted = `${names.join(', ')}, each with its count from 1 to 999999999 as in ${names[0]}=10${bounds.join('')}`
  return listOf(textThat(wanted, isEntry))
    .transform((entries): Record<K, number> => {
      const given = entries.map((entry) => [entry.split('=')[0], Number(entry.split('=')[1])])
      return { ...defaults, ...Object.fromEntries(given) }
    })
    .describe('a name left out keeps its default')
}

/** Counts as `counts` reads them. */
export const countsText = (all: Readonly<Record<string, number>>): string =>
  Object.entries(all)
    .map(([name, count]) => `${name}=${count}`)
    .join(',')

export const oneOf = <const T extends string>(...values: T[]) =>
  z.enum(values, { error: `one of ${values.join(', ')}` }).describe(values.join(' | '))

export const flag = z
  .enum(['true', 'false'], { error: 'true or false' })
  .transform((text) => text === 'true')
  .describe('true | false')

/** Entries that commas or spaces separate. */
export const words = z.string().transform((text) => text.split(/[\s,]+/).filter(Boolean))

/** Comma separated entries of one type. Entries are trimmed, and empty ones are dropped. */
export const listOf = (entry: Type<string>) => z.string().transform(partsOf).pipe(z.array(entry))

export const partsOf = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean)

/** An absolute URL with one of these schemes and without user and password. A scheme ends in a colon. */
export const url = (...schemes: string[]) => {
  const wanted = `a URL starting with ${schemes.map((scheme) => `${scheme}//`).join(' or ')}`
  return textThat(wanted, (text) => schemes.includes(new URL(text).protocol))
    .transform((text) => new URL(text))
    .refine(({ username, password }) => !username && !password, {
      error: `${wanted}, without user and password`,
    })
}

/** A proxy, whose user and password are percent-encoded. Without a scheme it is http:, as in `proxy.example.com:3128`. */
export const proxyUrl = textThat(
  'http:// or https://, then host and port of a proxy; user and password percent-encoded',
  (text) => {
    const target = new URL(withScheme(text))
    decodeURIComponent(target.username + target.password) // throws when it is not percent-encoded
    const rest = `${target.pathname}${target.search}${target.hash}`
    return /^https?:$/.test(target.protocol) && target.host !== '' && rest === '/'
  },
).transform((text) => new URL(withScheme(text)))
const withScheme = (text: string): string => (text.includes('://') ? text : `http://${text}`)

// Node takes a name of digits and dots for an address, so such a name must be a valid one.
export const host = textThat(
  'an address or a host name',
  (text) => isIP(text) !== 0 || (/^[\w-]{1,63}(\.[\w-]{1,63})*$/.test(text) && !/^[\d.]+$/.test(text)),
)

export const cidr = textThat('addresses or CIDRs such as 10.0.0.0/8', (text) => {
  const [, address = '', bits = '32'] = /^([\da-fA-F.:]+)(?:\/([1-9]\d{0,2}))?$/.exec(text) ?? []
  const version = isIP(address)
  return version !== 0 && Number(bits) <= (version === 4 ? 32 : 128)
})

export const webhookHosts = listOf(
  textThat('hosts such as hooks.example.com, *.example.com or *, with a port if it is not 443', (text) =>
    Boolean(parseAllowedHost(text)),
  ),
)
export const webhookPrivateHosts = listOf(
  textThat('hosts with a network such as crm.internal:8080=10.1.0.0/16', (text) =>
    Boolean(parsePrivateHost(text)),
  ),
)

export const headerName = textThat('names of headers such as X-Trace', (text) => /^[\w-]{1,64}$/.test(text))

export const origin = textThat('exact origins such as https://crm.example.com', isOrigin)

export const companyToken = z.string().regex(/^[\x21-\x7e]+$/, 'one line of visible ASCII characters')

export const redisUrl = z.string().superRefine((text, context) => {
  try {
    parseRedisUrl(text)
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message })
  }
})
