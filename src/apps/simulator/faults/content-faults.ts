import { gzipSync } from 'node:zlib'
import { type Answer, json, problem } from '../answer.ts'
import type { Random } from '../random.ts'
import { bufferOf } from './fault.ts'
import type { Behaviours } from './steps.ts'

type ContentMode =
  | 'partial'
  | 'shuffle'
  | 'rows'
  | 'headers'
  | 'status'
  | 'raw'
  | 'rate-limit'
  | 'redirect'
  | 'broken-2xx'
  | 'crash-5xx-after-apply'
  | 'gzip'

/** Faults that change the content of an answer and not its delivery. */
export const contentFaults: Behaviours<ContentMode> = {
  partial: {
    kind: 'content',
    wrap: ({ first }, steps) => ({
      perform: (incoming) => {
        const { json: rows } = incoming
        return steps.perform(Array.isArray(rows) ? { ...incoming, json: rows.slice(0, first) } : incoming)
      },
    }),
  },
  shuffle: {
    kind: 'content',
    wrap: (_fault, steps, { random }) => ({
      perform: (incoming) => withRows(steps.perform(incoming), (rows) => shuffled(rows, random)),
    }),
  },
  rows: {
    kind: 'content',
    wrap: ({ rows }, steps) => ({ perform: (incoming) => withRows(steps.perform(incoming), () => rows) }),
  },
  headers: {
    kind: 'content',
    wrap: ({ headers }, steps) => ({ perform: (incoming) => adding(headers, steps.perform(incoming)) }),
  },
  status: {
    kind: 'ending',
    wrap: ({ status, headers, body, apply }, steps) => ({
      perform: (incoming) => {
        if (apply) steps.perform(incoming)
        return adding(headers, statusAnswer(status, body))
      },
    }),
  },
  raw: {
    kind: 'ending',
    wrap: ({ body, status = 200, contentType = 'application/json', headers, apply }, steps) => ({
      perform: (incoming) => {
        if (apply) steps.perform(incoming)
        const label: Record<string, string> = contentType === '' ? {} : { 'content-type': contentType }
        return { status, headers: { ...label, ...headers }, body: bufferOf(body) }
      },
    }),
  },
  'rate-limit': {
    kind: 'ending',
    wrap: ({ retryAfter }) => ({
      perform: () => {
        const answer = json({ status: 429, error: 'Too Many Requests', message: 'Slow down.' }, 429)
        return retryAfter === undefined ? answer : adding({ 'retry-after': String(retryAfter) }, answer)
      },
    }),
  },
  redirect: {
    kind: 'ending',
    wrap: ({ location, status = 302 }) => ({
      perform: () => ({ status, headers: { location }, body: Buffer.alloc(0) }),
    }),
  },
  'broken-2xx': {
    kind: 'ending',
    wrap: ({ bytes }, steps) => ({
      perform: (incoming) => {
        const { body, headers } = steps.perform(incoming)
        const whole = body.length > 1 ? body : Buffer.from('{"id":104,"status":0}')
        return { status: 200, headers, body: whole.subarray(0, bytes ?? Math.floor(whole.length / 2)) }
      },
    }),
  },
  'crash-5xx-after-apply': {
    kind: 'ending',
    wrap: ({ status = 500 }, steps) => ({
      perform: (incoming) => {
        steps.perform(incoming)
        return problem(status)
      },
    }),
  },
  gzip: {
    kind: 'ending',
    wrap: ({ bytes }, steps) => ({
      perform: (incoming) => {
        const answer = steps.perform(incoming)
        const body = gzipSync(bytes === undefined ? answer.body : Buffer.alloc(bytes, ' '))
        return adding({ 'content-encoding': 'gzip' }, { ...answer, body })
      },
    }),
  },
}

function statusAnswer(status: number, body: unknown): Answer {
  if (body === undefined) return problem(status)
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  const type = typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/json; charset=utf-8'
  return { status, headers: { 'content-type': type }, body: bytes }
}

function adding(headers: Record<string, string> | undefined, answer: Answer): Answer {
  return { ...answer, headers: { ...answer.headers, ...headers } }
}

/** Changes the JSON of a successful answer; a refusal is not changed. */
function withRows(answer: Answer, change: (rows: unknown) => unknown): Answer {
  if (answer.status !== 200 || answer.body.length === 0) return answer
  return { ...answer, body: Buffer.from(JSON.stringify(change(JSON.parse(answer.body.toString())))) }
}

/** Always another order if there are at least two rows. */
function shuffled(rows: unknown, random: Random): unknown {
  if (!Array.isArray(rows) || rows.length < 2) return rows
  const mixed = [...rows]
  for (let last = mixed.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    ;[mixed[last], mixed[other]] = [mixed[other], mixed[last]]
  }
  return mixed.some((row, index) => row !== rows[index]) ? mixed : [...mixed.slice(1), mixed[0]]
}
