import { type Clock, every } from '../clock.ts'
import { checkMessage } from './check-server.ts'
import { connectRedis } from './connect.ts'
import { faultOf, type RedisFault } from './refusal.ts'

export type SubscriptionOptions = {
  channels: string[]
  /** Listening from now on. What was published before is lost. */
  onReady(): void
  onLost(): void
  onMessage(channel: string, message: string): void
}

export type Subscription = {
  isListening(): boolean
  /** Resolves when the server has accepted or refused it. */
  settled(): Promise<void>
  /** Why the server refused it, until it accepts it. */
  refusal(): RedisFault | undefined
  close(): void
}

// Pings show a connection that is dead without an error. Without them that looks like silence.
const pingMs = 1000

/** A separate connection that listens to channels, again after each reconnect. The subscriber hears of it while `isUsed`. */
export const openSubscription = (
  url: string,
  { channels, onReady, onLost, onMessage }: SubscriptionOptions,
  options: {
    clock: Clock
    timeoutMaxMs: number
    isUsed(): boolean
    /** The server has accepted or refused it. */
    onAnswer(): void
  },
): Subscription => {
  const { clock, timeoutMaxMs, isUsed, onAnswer } = options
  let isClosed = false
  let isListening = false
  let isSettled = false
  let waiting: (() => void)[] = []
  let refusal: RedisFault | undefined
  const client = connectRedis(url, timeoutMaxMs, () => !isClosed)
  const reconnect = (): void => {
    if (!isClosed) client.disconnect(true)
  }
  const answered = (): void => {
    isSettled = true
    for (const resolve of waiting.splice(0)) resolve()
    onAnswer()
  }
  client.on('error', () => {})
  client.on('ready', async () => {
    try {
      await client.subscribe(...channels)
      if (isClosed) return
      isListening = true
      refusal = undefined
      if (isUsed()) onReady()
    } catch (error) {
      if (isClosed) return
      const fault = faultOf(error as Error)
      if (fault.reason !== 'connection' && fault.reason !== 'timeout') refusal = fault
      // A server that refuses SUBSCRIBE refuses it again, so it is asked once a second. A lost connection is made anew sooner.
      clock.after(pingMs, () => isListening || reconnect())
    }
    answered()
  })
  client.on('close', () => {
    isListening = false
    isSettled = false
    if (!isClosed && isUsed()) onLost()
  })
  client.on('message', (channel: string, message: string) => {
    if (message !== checkMessage && !isClosed && isUsed()) onMessage(channel, message)
  })
  const stopPinging = every(clock, pingMs, () => {
    if (isListening) client.ping().catch(reconnect)
  })
  return {
    isListening: () => isListening,
    settled: () => (isSettled ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
    refusal: () => refusal,
    close: () => {
      isClosed = true
      isListening = false
      waiting = []
      stopPinging()
      client.disconnect()
    },
  }
}
