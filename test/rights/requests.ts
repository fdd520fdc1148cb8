import { type OpenApi, type Operation, operationsOf, resolved, type Schema } from '../fuzz/document.ts'
import type { Sent } from './connection.ts'
import { type Choice, type Owner, type Slot, type Subjects, subjectOf } from './subjects.ts'

/** Values for places that name nothing. */
export type Values = Record<string, () => unknown>

/** Makes requests of one document. */
export const createRequests = (document: OpenApi, subjects: Subjects, values: Values) => {
  const idOf = (slot: Slot, choice: Choice | undefined): unknown => {
    const owner = choice && (choice.slot === slot.key || choice.also === slot.key) ? choice.owner : 'own'
    const owners = subjects[slot.subject] ?? {}
    const make = (who: Owner) => (owners[who] ?? owners.unknown ?? owners.own)?.()
    if (!slot.isList) return make(owner)
    return choice?.mixed && choice.slot === slot.key ? [make('own'), make(owner)] : [make(owner)]
  }

  /** A value of a schema. `seen` is told each slot. Optional fields are left out unless they name something. */
  const filled = (
    given: Schema,
    name: string,
    operation: Operation,
    choice: Choice | undefined,
    seen: (slot: Slot) => void,
  ): unknown => {
    const schema = resolved(given, document)
    const subject = subjectOf(name, operation, 'body')
    const again = (of: Schema, as: string) => filled(of, as, operation, choice, seen)
    if (subject !== undefined) {
      const shapes = [schema, ...(schema.anyOf ?? [])]
      const isList = shapes.some(({ type }) => type === 'array')
      const slot = { key: `body ${name}`, subject, isList }
      seen(slot)
      return idOf(slot, choice)
    }
    const fixed = values[name]
    if (fixed) return fixed()
    if (schema.const !== undefined) return schema.const
    if (schema.enum) return schema.enum[0]
    const choices = schema.anyOf ?? schema.oneOf
    if (choices) return again(choices[0] as Schema, name)
    if (schema.type === 'array') {
      if ((schema.minItems ?? 0) === 0 || !schema.items) return []
      const rest = { ...choice, mixed: false } as Choice
      const one = again(schema.items, name)
      return choice?.mixed
        ? [
            filled(schema.items, name, operation, undefined, seen),
            filled(schema.items, name, operation, rest, seen),
          ]
        : [one]
    }
    if (schema.properties) {
      const required = new Set(schema.required)
      const kept = Object.entries(schema.properties).filter(
        ([field]) => required.has(field) || subjectOf(field, operation, 'body') !== undefined,
      )
      return Object.fromEntries(kept.map(([field, of]) => [field, again(of, field)]))
    }
    if (schema.type === 'integer' || schema.type === 'number') return schema.minimum ?? 1
    if (schema.type === 'boolean') return false
    if (schema.format === 'date-time') return new Date(Date.now() + 3_600_000).toISOString()
    if (schema.format === 'uri') return 'https://hooks.example/x'
    if (schema.type === 'string') return 'x'.repeat(schema.minLength ?? 1)
    return {}
  }

  /** A request of the operation, with the caller's own ids but for the choice. Each slot that it has is told to `seen`. */
  const make = (operation: Operation, choice?: Choice, seen: (slot: Slot) => void = () => {}): Sent => {
    const { parameters = [], requestBody } = operation
    let { path } = operation
    const query: string[] = []
    for (const { name, in: place, required, schema } of parameters) {
      const subject = subjectOf(name, operation, place)
      const slot = { key: `${place} ${name}`, subject: subject ?? '', isList: schema.type === 'array' }
      const value = subject ? idOf(slot, choice) : values[name]?.()
      if (subject) seen(slot)
      if (place === 'path') {
        if (value === undefined)
          throw new Error(`${operation.title}: no value for {${name}}; add it to the subjects of test/rights`)
        path = path.replace(`{${name}}`, encodeURIComponent(String(value)))
      } else if (place === 'query' && subject && (required || choice?.slot === slot.key))
        query.push(`${name}=${encodeURIComponent(String(value))}`)
    }
    const sent: Sent = {
      method: operation.method,
      path: query.length > 0 ? `${path}?${query.join('&')}` : path,
      // The stream does not end; its pages are the same log.
      headers:
        operation.path === '/v1/events' ? { Accept: 'application/json' } : ({} as Record<string, string>),
    }
    const content = requestBody?.content
    if (!content) return sent
    const json = content['application/json']
    if (!json) return { ...sent, headers: { 'Content-Type': 'text/csv' }, body: String(values['file']?.()) }
    const body = JSON.stringify(filled(json.schema, '', operation, choice, seen))
    return { ...sent, headers: { 'Content-Type': 'application/json' }, body }
  }

  /** The places of the operation that name something. */
  const slotsOf = (operation: Operation): Slot[] => {
    const slots = new Map<string, Slot>()
    make(operation, undefined, (slot) => slots.set(slot.key, slot))
    return [...slots.values()]
  }
  return { operations: operationsOf(document), make, slotsOf }
}

export type Requests = ReturnType<typeof createRequests>
