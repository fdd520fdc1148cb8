import { inspect } from 'node:util'

/**
 * A value that prints as `[redacted]` in string conversion, JSON and inspection. Only code that sends the value to its
 * one recipient calls `reveal()`; test/architecture.test.ts lists these files.
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
