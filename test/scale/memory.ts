import type { Redis } from 'ioredis'
import type { List } from './actor.ts'
import { markdown } from './markdown.ts'
import { startReal } from './real.ts'
import { nameOf } from './scenario.ts'

const atOnce = 25
/** Of a string that the kernel and the allocator know nothing of, so small differences say nothing. */
const tolerance = 0.15

const each = async <T>(all: readonly T[], work: (one: T, at: number) => Promise<unknown>): Promise<void> => {
  const left = all.entries()
  const worker = async (): Promise<void> => {
    for (const [at, one] of left) await work(one, at)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

/** Bytes and CPU time that Redis has used, ms. */
const usedOf = async (info: (section: string) => Promise<string>) => {
  const read = (text: string, name: string): number =>
    Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(text)?.[1])
  const cpu = await info('cpu')
  return {
    bytes: read(await info('memory'), 'used_memory_dataset'),
    cpuMs: 1000 * (read(cpu, 'used_cpu_sys') + read(cpu, 'used_cpu_user')),
  }
}

/** Mean bytes of the keys of each family, by MEMORY USAGE of all of them. */
const familiesOf = async (client: Redis, perList: number): Promise<[string, number][]> => {
  const sums = new Map<string, number>()
  for (let cursor = '0'; ; ) {
    const [next, keys] = await client.scan(cursor, 'COUNT', 1000)
    const sizes = await Promise.all(keys.map((key) => client.memory('USAGE', key, 'SAMPLES', '0')))
    for (const [at, key] of keys.entries()) {
      const family = key
        .replace('chathub:', '')
        .replaceAll(/\d+/g, 'N')
        .replaceAll(/N-[\w-]{16}/g, 'ID')
      sums.set(family, (sums.get(family) ?? 0) + Number(sizes[at]))
    }
    cursor = next
    if (cursor === '0') break
  }
  return [...sums]
    .map(([family, bytes]): [string, number] => [family, bytes / perList])
    .toSorted((a, b) => b[1] - a[1])
}

/**
 * What organizations and writes take in Redis, with data that a gateway has put there. The line through the first two sizes must
 * meet the third one.
 */
export const measureMemory = async (
  sizes: readonly [number, number, number],
  operators: number,
  say: (text: string) => void,
): Promise<string[]> => {
  const [first, second, third] = sizes
  const real = await startReal(1, third, operators, { isWatched: false })
  try {
    const { actor, lists, info } = real
    const used = () => usedOf(info)
    await actor.read(0, (lists[0] as List).id)
    const bytes: number[] = []
    let done = 1
    const { cpuMs: cpuBefore } = await used()
    for (const size of sizes) {
      await each(lists.slice(done, size), ({ id }) => actor.read(0, id))
      done = size
      bytes.push((await used()).bytes)
    }
    const { cpuMs: cpuAfter } = await used()
    const [a = 0, b = 0, c = 0] = bytes
    const perList = (b - a) / (second - first)
    const expected = a + perList * (third - first)
    const deviation = expected / c - 1
    say(`\nLists of ${operators} operators in Redis\n`)
    say(
      markdown(
        ['organizations', 'MB', 'bytes for each'],
        [
          [first, (a / 1e6).toFixed(1), Math.round(a / first)],
          [second, (b / 1e6).toFixed(1), Math.round(b / second)],
          [third, (c / 1e6).toFixed(1), Math.round(c / third)],
          [
            `${third}, by the line through the others`,
            (expected / 1e6).toFixed(1),
            `${(100 * deviation).toFixed(1)} %`,
          ],
          [
            '100000, by the line through all',
            ((a + ((c - a) / (third - first)) * (100_000 - first)) / 1e6).toFixed(0),
            '',
          ],
        ],
      ),
    )
    const client = real.redis.client()
    say('\nBytes for each organization, by family of keys\n')
    const families = await familiesOf(client, third)
    say(
      markdown(
        ['keys', 'bytes'],
        families.filter(([, one]) => one >= 1).map(([key, one]) => [key, Math.round(one)]),
      ),
    )

    const written = lists.slice(0, first)
    const kinds: [what: string, work: (list: List, at: number) => Promise<unknown>][] = [
      [
        'PATCH of a status',
        ({ id, operators: [one] }) =>
          actor.setStatus(0, id, one?.id as number, one?.status === 'active' ? 'inactive' : 'active'),
      ],
      ['POST of one name', ({ id }, at) => actor.add(0, id, nameOf(at))],
      [
        'POST with an Idempotency-Key',
        ({ id }, at) => actor.add(0, id, nameOf(10_000 + at), `key-of-the-scale-test-${at}`),
      ],
      ['assignment of a new chat', ({ id }, at) => actor.assign(0, id, `chat-${at}`)],
    ]
    const rows: (string | number)[][] = [
      [
        'read of a list that nobody has',
        Math.round(perList),
        Math.round((1000 * (cpuAfter - cpuBefore)) / third),
      ],
    ]
    for (const [what, work] of kinds) {
      const before = await used()
      await each(written, work)
      const after = await used()
      rows.push([
        what,
        Math.round((after.bytes - before.bytes) / written.length),
        Math.round((1000 * (after.cpuMs - before.cpuMs)) / written.length),
      ])
    }
    say(`\nOne instance: what an operation leaves in Redis, and what it costs there (${first} of each)\n`)
    say(markdown(['operation', 'bytes', 'µs of CPU'], rows))
    return Math.abs(deviation) > tolerance
      ? [`memory of ${third} organizations: ${(100 * deviation).toFixed(0)} %`]
      : []
  } finally {
    await real.stop()
  }
}
