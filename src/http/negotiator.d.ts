declare module 'negotiator' {
  /** The part of the package that this folder uses: the acceptable ones of those available, best first. */
  export default class Negotiator {
    constructor(request: { headers: Record<string, string> })
    mediaType(available: string[]): string | undefined
    encodings<C extends string>(available: C[], options: { preferred: C[] }): C[]
  }
}
