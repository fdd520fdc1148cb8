import { gateway } from '../data/gateway.ts'

/** The ticket of a sign-in link, or of what a person pasted. */
export const ticketIn = (text: string): string | undefined =>
  /(?:^|ticket=)([\w-]{20,200})$/.exec(text.trim())?.[1]

/** Opens a session with the ticket of the address, which leaves the address at once. @throws GatewayError */
export const openFromAddress = async (): Promise<void> => {
  const ticket = /^#ticket=/.test(location.hash) ? ticketIn(location.hash) : undefined
  if (ticket === undefined) return
  history.replaceState(null, '', `${location.pathname}${location.search}#/`)
  await gateway.sessions.open({ ticket })
}
