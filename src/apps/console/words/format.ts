import { plainClock, plainClocks } from './clock.ts'

type Instant = string | number
const units = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const
/** The largest unit that a span fills, and its seconds. */
export const unitOf = (seconds: number) =>
  units.find(([, each]) => seconds >= each) ?? (['second', 1] as const)

/** With the region of the browser, which decides between 15:00 and 3 PM. */
const withRegion = (language: string): string =>
  navigator.languages.find((each) => each.startsWith(language)) ?? language

/** Made when it is used first: the first format of all takes tens of milliseconds. */
const lazy = <T>(make: () => T): (() => T) => {
  let made: T | undefined
  return () => (made ??= make())
}

const createFormat = (shown: string) => {
  const language = withRegion(shown)
  const dates = (options: Intl.DateTimeFormatOptions) =>
    lazy(() => new Intl.DateTimeFormat(language, options))
  const numbers = (options: Intl.NumberFormatOptions) => lazy(() => new Intl.NumberFormat(language, options))
  const clocks = dates({ hour: '2-digit', minute: '2-digit' })
  const clock = (at: Date): string => (plainClocks.has(language) ? plainClock(at) : clocks().format(at))
  const day = dates({ day: 'numeric', month: 'short' })
  const full = dates({ dateStyle: 'medium', timeStyle: 'medium' })
  const fraction = numbers({ maximumFractionDigits: 1 })
  const percent = numbers({ style: 'percent' })
  const plurals = lazy(() => new Intl.PluralRules(language))
  const isToday = (at: Date) => at.toDateString() === new Date().toDateString()
  return {
    /** Small counts are the same in each language, and the first format of numbers takes long to make. */
    number: (value: number): string =>
      Number.isInteger(value) && value >= 0 && value < 1000 ? String(value) : fraction().format(value),
    /** The form of words that goes with a count, such as « one ». */
    plural: (count: number): Intl.LDMLPluralRule => plurals().select(count),
    percent: (share: number): string => percent().format(share),
    /** The time of today, else the day too. */
    time: (instant: Instant): string => {
      const at = new Date(instant)
      return isToday(at) ? clock(at) : `${day().format(at)}, ${clock(at)}`
    },
    full: (instant: Instant): string => full().format(new Date(instant)),
    /** Such as « 4 min ». */
    span: (seconds: number): string => {
      const [unit, size] = unitOf(seconds)
      return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'short' }).format(
        Math.round(seconds / size),
      )
    },
    bytes: (bytes: number): string => {
      const isSmall = bytes < 1e6
      const unit = isSmall ? 'kilobyte' : 'megabyte'
      return new Intl.NumberFormat(language, {
        style: 'unit',
        unit,
        unitDisplay: 'short',
        maximumFractionDigits: 1,
      }).format(bytes / (isSmall ? 1e3 : 1e6))
    },
  }
}

const formats = new Map<string, ReturnType<typeof createFormat>>()

/** Numbers and times as a language writes them. */
export const formatOf = (language: string) => {
  const known = formats.get(language)
  if (known) return known
  const format = createFormat(language)
  formats.set(language, format)
  return format
}
