/** Options of one call. */
export type CallOptions = {
  /** Aborts the call. The call then throws the reason of the signal. */
  signal?: AbortSignal
  /** Ms for the whole call with its retries. Default: that of the client. */
  timeout?: number
  /** Default: a new one for each call that takes one. */
  idempotencyKey?: string
  /** Further headers, such as `If-Match`. */
  headers?: Record<string, string>
}

/** An answer with what its headers say. */
export type Answer<T> = {
  data: T
  status: number
  headers: Headers
  /** Names the request in the log of the gateway. */
  requestId: string
  /** Seconds since ChatHub gave this content. Undefined: it is no list. */
  age: number | undefined
}

/** A call that was sent. */
export type Call<T> = Promise<T> & {
  /** The answer with its status, headers and age. */
  withResponse(): Promise<Answer<T>>
}

/** A call for a page. Awaited it gives this page; iterated it gives the items of this page and of all that follow. */
export type Pages<T> = Call<T> &
  AsyncIterable<T extends { items: (infer I)[] } ? I : never> & {
    /** This page and all that follow. */
    pages(): AsyncGenerator<T, void, undefined>
  }

export const createCall = <T>(sent: Promise<Answer<T>>): Call<T> => {
  // Made when it is asked for: nobody would handle its failure otherwise.
  const data = () => sent.then((answer) => answer.data)
  return {
    withResponse: () => sent,
    // biome-ignore lint/suspicious/noThenProperty: it is a promise with one function more.
    then: (done, failed) => data().then(done, failed),
    catch: (failed) => data().catch(failed),
    finally: (last) => data().finally(last),
    [Symbol.toStringTag]: 'Call',
  }
}

type Page = { items: unknown[]; nextCursor?: string | null; next?: string; hasMore?: boolean }

/** What the query of the next page has in addition. Undefined: this page is the last. */
const nextOf = ({ nextCursor, next, hasMore }: Page): object | undefined => {
  if (nextCursor) return { cursor: nextCursor }
  return hasMore ? { after: next } : undefined
}

/** `send` gets what its query has in addition to that of the call. */
export const createPages = <T extends Page>(send: (more: object) => Promise<Answer<T>>): Pages<T> => {
  const first = createCall(send({}))
  async function* pages(): AsyncGenerator<T, void, undefined> {
    let page = await first
    for (;;) {
      yield page
      const more = nextOf(page)
      if (!more) return
      page = (await send(more)).data
    }
  }
  async function* items() {
    for await (const page of pages()) yield* page.items
  }
  return Object.assign(first, { pages, [Symbol.asyncIterator]: items }) as unknown as Pages<T>
}
