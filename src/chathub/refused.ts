import type { FailureCode } from '../errors.ts'

/** ChatHub, or a proxy before it, answered with another status than 2xx. `pauseMs`: how long to send nothing. */
export class Refused extends Error {
  readonly status: number
  readonly pauseMs: number | undefined
  constructor(status: number, pauseMs: number | undefined) {
    super(`ChatHub answered ${status}`)
    this.status = status
    this.pauseMs = pauseMs
  }
}

/** What the end of a request proves: `certain`: nothing was changed; `unknown`: it may have been, or may still be. */
export type Proof = 'certain' | 'unknown'

/**
 * Statuses that refuse a request before it is carried out. The documents of ChatHub say so (400, 401, 429), or HTTP
 * defines them by the form of the request (RFC 9110, RFC 6585). Every other status proves nothing, since a proxy may have
 * sent it while ChatHub works. That goes for 408, 421, 425 and 499 too, and for 406, which a server may find out after
 * the work.
 */
const refusals: Readonly<Record<number, FailureCode>> = {
  400: 'chathub.rejected',
  401: 'chathub.credentials',
  403: 'chathub.forbidden',
  404: 'chathub.rejected',
  405: 'chathub.rejected',
  411: 'chathub.rejected',
  413: 'chathub.rejected',
  414: 'chathub.rejected',
  415: 'chathub.rejected',
  417: 'chathub.rejected',
  422: 'chathub.rejected',
  429: 'chathub.throttled',
  431: 'chathub.rejected',
}
/** Statuses with which ChatHub says that a write is done. 202, for example, says that it is not done yet. */
const done = new Set([200, 201, 204])

/** The failure of a status, and what it proves of a write. Undefined: the body of the answer may be read. */
export const judgeStatus = (
  status: number,
  isWrite: boolean,
): { code: FailureCode; proof: Proof } | undefined => {
  const refusal = refusals[status]
  if (refusal) return { code: refusal, proof: 'certain' }
  if (status >= 400) return { code: 'chathub.unavailable', proof: 'unknown' }
  const isUsable = isWrite ? done.has(status) : status < 300
  return isUsable ? undefined : { code: 'chathub.invalid-response', proof: 'unknown' }
}
