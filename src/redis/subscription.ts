import { type Clock, every } from '../clock.ts'
import { connectRedis, type RedisClient } from './connect.ts'

export type SubscriptionOptions = {
  channels: string[]
  /** Listening from now on. What was published before is lost. */
  onReady(): void
  onLost(): void
  onMessage(channel: string, message: string): void
}

// Pings show a connection that is dead without an error. Without them that looks like silence.
const pingMs = 1000

/** A separate connection that listens to channels, again after each reconnect and at each new address. */
export const createSubscription = (
  url: () => string,
  { channels, onReady, onLost, onMessage }: SubscriptionOptions,
  clock: Clock,
): { close(): void } => {
  let closed = false
  let openedUrl = ''
  const open = (): RedisClient => {
    openedUrl = url()
    const opening = connectRedis(openedUrl, (one) => one === client && !closed, { autoResubscribe: false })
    // A server that refuses SUBSCRIBE refuses it again, so it is asked once a second.
    const reconnectLater = () => void clock.after(pingMs, () => opening.disconnect(true))
    opening.on('error', () => {})
    opening.on('ready', () => void opening.subscribe(...channels).then(onReady, reconnectLater))
    opening.on('close', () => opening === client && onLost())
    opening.on('message', onMessage)
    return opening
  }
  let client = open()
  const stopPinging = every(clock, pingMs, () => {
    if (url() !== openedUrl) {
      client.disconnect()
      onLost()
      client = open()
    } else if (client.status === 'ready') client.ping().catch(() => client.disconnect(true))
  })
  return {
    close: () => {
      closed = true
      stopPinging()
      client.disconnect()
    },
  }
}
