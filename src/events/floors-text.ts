import { z } from 'zod'
import { wantedOf } from '../contract/plain-words.ts'
import { dayMinutes, days, type Floor, type Floors, type Hours, isZone } from './coverage-floor.ts'

const hoursPattern =
  /^((?:\w\w(?:-\w\w)?)(?:,\w\w(?:-\w\w)?)*) ([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)$/

/** Places in `days`; undefined where the text names none. */
const daysOf = (text: string): number[] | undefined => {
  const found = text.split(',').map((part) => {
    const [first = -1, last = first] = part.split('-').map((day) => days.indexOf(day))
    return Math.min(first, last) < 0
      ? []
      : Array.from({ length: ((last - first + 7) % 7) + 1 }, (_, i) => (first + i) % 7)
  })
  return found.some(({ length }) => length === 0) ? undefined : found.flat()
}

/** `Mo-Fr 09:00-18:00` as minutes of a week. An end that is not after the start is on the next day. */
const hoursOf = (text: string): Hours | undefined => {
  const [, names = '', ...digits] = hoursPattern.exec(text) ?? []
  const [fromHour = 0, fromMinute = 0, toHour = 0, toMinute = 0] = digits.map(Number)
  const [from, to] = [60 * fromHour + fromMinute, 60 * toHour + toMinute]
  if (to > dayMinutes) return undefined
  const minutes = to > from ? to - from : to + dayMinutes - from
  return daysOf(names)?.map((day) => ({ start: day * dayMinutes + from, minutes }))
}

const whole = (max: number) => {
  const wanted = `a whole number from 0 to ${max}`
  return z.int(wanted).min(0, wanted).max(max, wanted)
}
const Entry = z
  .strictObject({
    floor: whole(100_000).default(1),
    forMinutes: whole(1440).default(5),
    zone: z.string().refine(isZone, 'an IANA time zone such as Europe/Kyiv').optional(),
    hours: z
      .array(z.string().refine((text) => hoursOf(text), 'hours such as "Mo-Fr 09:00-18:00"'))
      .min(1)
      .optional(),
  })
  .refine(({ zone, hours }) => !hours || zone, 'a zone, because there are hours')
  .transform(
    ({ floor, forMinutes, zone = 'UTC', hours }): Floor => ({
      floor,
      forMs: forMinutes * 60_000,
      zone,
      hours: hours?.flatMap((text) => hoursOf(text) ?? []),
    }),
  )
const Entries = z.record(z.string().regex(/^(\*|[1-9]\d{0,9})$/), Entry, {
  error: ({ code }) => (code === 'invalid_key' ? 'the id of an organization, or *' : 'an object'),
})

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Floors by organization, as JSON. `*`: of all others. */
export const floorsText = z.string().transform((text, context): Floors => {
  const { data, error } = Entries.safeParse(jsonOf(text), { error: wantedOf })
  for (const { path, message } of error?.issues ?? []) {
    const where = path.length > 0 ? ` at ${path.join('.')}` : ''
    context.addIssue({ code: 'custom', message: `${message}${where}, in JSON such as ${example}` })
  }
  const { '*': others = Entry.parse({}), ...named } = data ?? {}
  return { named: new Map(Object.entries(named).map(([id, floor]) => [Number(id), floor])), others }
})
const example = '{"24":{"floor":2}}'
