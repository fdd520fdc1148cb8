import type { Answer } from '../../../client/client.ts'

/** What a list shows, with the time of its data. */
export type Read<T> = {
  data: T
  /** Epoch ms at which ChatHub gave it, or the gateway where it is no list. */
  asOf: number
  /** True: ChatHub did not give a newer one. */
  isStale: boolean
}

export const read = async <T>(call: { withResponse(): Promise<Answer<T>> }): Promise<Read<T>> => {
  const { data, headers, age = 0 } = await call.withResponse()
  return {
    data,
    asOf: Date.now() - age * 1000,
    isStale: (headers.get('cache-status') ?? '').includes('fwd=stale'),
  }
}
