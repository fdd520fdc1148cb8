import { inspect } from 'node:util'

/**
 * A value that does not print itself: string conversion, JSON and inspection all give `[redacted]`.
 * `reveal()` is called only where the value leaves for the one peer it is meant for.
 */
export class Secret {
  readonly #value: string
  constructor(value: string) {
    this.#value = value
  }
  reveal(): string {
    return this.#value
  }
  toString(): string {
    return '[redacted]'
  }
  toJSON(): string {
    return '[redacted]'
  }
  [inspect.custom](): string {
    return '[redacted]'
  }
}
