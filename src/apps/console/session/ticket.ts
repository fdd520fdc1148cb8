import { gateway } from '../data/gateway.ts'

/** The ticket of a sign-in link, or of what a person pasted. */
export const ticketIn = (text: string): string | undefined =>
  /(?:^|ticket=)([\w-]{20,200})$/.exec(text.trim())?.[1]

/** Why the identity provider signed nobody in. */
export class SignInError extends Error {
  readonly reason: string
  constructor(reason: string) {
    super(`sign-in failed: ${reason}`)
    this.reason = reason
  }
}

/** Opens a session with the ticket of the address, which leaves the address at once. @throws GatewayError, SignInError */
export const openFromAddress = async (): Promise<void> => {
  const ticket = /^#ticket=/.test(location.hash) ? ticketIn(location.hash) : undefined
  const [, reason] = /^#error=sign-in\.([\w-]+)/.exec(location.hash) ?? []
  if (ticket === undefined && reason === undefined) return
  history.replaceState(null, '', `${location.pathname}${location.search}#/`)
  if (reason !== undefined) throw new SignInError(reason)
  if (ticket === undefined) return
  await gateway.sessions.open({ ticket })
}
