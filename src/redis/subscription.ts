import { type Clock, every } from '../clock.ts'
import { connectRedis, type RedisClient } from './connect.ts'

export type SubscriptionOptions = {
  channels: string[]
  /** Listening from here on; what was published before is lost. */
  onReady(): void
  onLost(): void
  onMessage(channel: string, message: string): void
}

export type Subscription = {
  /** Anew, at what is the address now. */
  restart(): void
  close(): void
}

const pingMs = 1000

/** A connection of its own that listens to channels, again after each reconnect. */
export const createSubscription = (
  url: () => string,
  listening: SubscriptionOptions,
  clock: Clock,
): Subscription => {
  const { channels, onReady, onLost, onMessage } = listening
  let closing = false
  const listen = (): RedisClient => {
    const made = connectRedis(url(), (one) => one === subscriber && !closing, {
      autoResubscribe: false,
    })
    // Refused, it is refused again at once: a connection a second is enough to find out.
    const again = () => void clock.after(pingMs, () => made.disconnect(true))
    made.on('error', () => {})
    made.on('ready', () => void made.subscribe(...channels).then(onReady, again))
    made.on('close', onLost)
    made.on('message', onMessage)
    return made
  }
  let subscriber = listen()
  // Pings show a connection that is up but dead; without them silence would look like peace.
  const stopPinging = every(clock, pingMs, () => {
    if (subscriber.status === 'ready') subscriber.ping().catch(() => subscriber.disconnect(true))
  })
  return {
    restart: () => {
      subscriber.disconnect()
      subscriber = listen()
    },
    close: () => {
      closing = true
      stopPinging()
      subscriber.disconnect()
    },
  }
}
