import { IncomingMessage, ServerResponse } from 'node:http'
import type { Express } from 'express'

export type Presets = { IncomingMessage?: typeof IncomingMessage; ServerResponse?: typeof ServerResponse }

/**
 * Constructors whose objects already have the app's prototypes, so Express's prototype swap on each request is a no-op. The
 * swap costs most of Express's speed on Node 20 and 22, and a fifth on Node 24 (`npm run bench -- express-route`).
 *
 * Node's constructors are plain functions and are called as such; `Reflect.construct` would be six times slower. If a
 * release of Node makes them classes, the self-check fails and Node's own constructors are used.
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
  function Preset(this: object, first: unknown, second: unknown): void {
    ;(parent as unknown as (this: object, first: unknown, second: unknown) => void).call(this, first, second)
  }
  Preset.prototype = prototype
  // V8 sizes objects by the properties that a function and its parents assign. Without this line most properties are
  // stored outside the object, which costs 11 µs a request.
  Object.setPrototypeOf(Preset, parent)
  return Preset as unknown as C
}
