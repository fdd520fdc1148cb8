import { IncomingMessage, ServerResponse } from 'node:http'
import type { Express } from 'express'

export type Presets = { IncomingMessage?: typeof IncomingMessage; ServerResponse?: typeof ServerResponse }

/**
 * On Node 20 and 22 Express's prototype swap on each request costs most of its speed. Requests and responses that are
 * born with the app's prototypes make the swap a no-op; on Node 24 that is still a fifth (`npm run bench -- express-route`).
 *
 * Node's constructors are plain functions and are called as such: `Reflect.construct` with another target would do the
 * same six times slower. The self-check sees when a Node makes them classes; then the plain way still works.
 */
export const expressPrototypes = (app: Express): Presets => {
  try {
    const made = {
      IncomingMessage: withPrototype(IncomingMessage, app.request),
      ServerResponse: withPrototype(ServerResponse, app.response),
    }
    const request = new made.IncomingMessage(undefined as never)
    const response = new made.ServerResponse(request)
    const sound =
      Object.getPrototypeOf(request) === app.request && Object.getPrototypeOf(response) === app.response
    return sound && request.rawHeaders.length === 0 && !response.headersSent ? made : {}
  } catch {
    return {}
  }
}

const withPrototype = <C extends typeof IncomingMessage | typeof ServerResponse>(
  parent: C,
  prototype: object,
): C => {
  function Born(this: object, first: unknown, second: unknown): void {
    ;(parent as unknown as (this: object, first: unknown, second: unknown) => void).call(this, first, second)
  }
  Born.prototype = prototype
  // V8 sizes the objects of a function by what it and the functions it inherits from assign. Without this every
  // property beyond the first few is kept outside the object: 11 µs a request.
  Object.setPrototypeOf(Born, parent)
  return Born as unknown as C
}
