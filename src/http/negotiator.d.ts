declare module 'negotiator' {
  export default class Negotiator {
    constructor(request: { headers: Record<string, string> })
    mediaType(available: string[]): string | undefined
    encodings<C extends string>(available: C[], options: { preferred: C[] }): C[]
  }
}
