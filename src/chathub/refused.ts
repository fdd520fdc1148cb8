import type { FailureCode } from '../errors.ts'

/** ChatHub answered with another status than 2xx. `pauseMs`: how long it asks the gateway to send nothing. */
export class Refused extends Error {
  readonly status: number
  readonly pauseMs: number | undefined
  constructor(status: number, pauseMs: number | undefined) {
    super(`ChatHub answered ${status}`)
    this.status = status
    this.pauseMs = pauseMs
  }
}

/** Undefined for a 2xx answer, whose body may be read. */
export const failureCodeOf = (status: number): FailureCode | undefined => {
  if (status === 401) return 'chathub.credentials'
  if (status === 403) return 'chathub.forbidden'
  if (status === 429) return 'chathub.throttled'
  if (status >= 500) return 'chathub.unavailable'
  if (status >= 400) return 'chathub.rejected'
  return status >= 300 ? 'chathub.invalid-response' : undefined
}
