const moving: [name: string, value: RegExp, shown: string][] = [
  ['age', /^\d+$/, 'seconds'],
  ['retry-after', /^\d+$/, 'seconds'],
  ['cache-status', /ttl=-?\d+/, 'ttl'],
  ['ratelimit', /t=\d+/, 't'],
]

/** Headers as they are in every second: without the date and the id of the request, and with words for what is counted. */
export const withoutTime = (
  headers: Record<string, string | undefined>,
): Record<string, string | undefined> => {
  const { date: _, 'x-request-id': __, ...rest } = headers
  for (const [name, value, shown] of moving)
    if (rest[name] !== undefined) rest[name] = rest[name].replace(value, shown)
  return rest
}
