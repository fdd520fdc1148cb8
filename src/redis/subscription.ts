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
  /** Resolves when the server has accepted or refused it. */
  settled(): Promise<void>
  /** Why the server refused it, until it accepts it. */
  refusal(): RedisFault | undefined
  /** Listens to another address too, and hands on nothing from there. `onAnswer`: the server has accepted or refused it. */
  prepare(url: string, onAnswer: () => void): void
  prepared(): { isListening: boolean; refusal: RedisFault | undefined }
  /** Listens to that address alone from now on, over the prepared connection if there is one. */
  move(url: string): void
  /** Closes the prepared connection. */
  abandon(): void
  close(): void
}

type Listener = {
  isListening(): boolean
  refusal(): RedisFault | undefined
  close(): void
}
type ListenerEvents = {
  ready(): void
  refused(): void
  lost(): void
  message(channel: string, message: string): void
}

// Pings show a connection that is dead without an error. Without them that looks like silence.
const pingMs = 1000

/** A separate connection that listens to channels, again after each reconnect and at each new address. */
export const createSubscription = (
  url: string,
  { channels, onReady, onLost, onMessage }: SubscriptionOptions,
  { clock, timeoutMaxMs, onChange }: { clock: Clock; timeoutMaxMs: number; onChange(): void },
): Subscription => {
  let waiting: (() => void)[] = []
  let isSettled = false
  let prepared: Listener | undefined

  const changed = (): void => {
    isSettled = true
    for (const resolve of waiting.splice(0)) resolve()
    onChange()
  }
  const isReady = (): void => {
    onReady()
    changed()
  }
  const isLost = (): void => {
    isSettled = false
    onLost()
  }
  const open = (address: string, onAnswer: () => void): Listener => {
    const opened: Listener = openListener(
      address,
      channels,
      { clock, timeoutMaxMs },
      {
        ready: () => (opened === current ? isReady() : onAnswer()),
        refused: () => (opened === current ? changed() : onAnswer()),
        lost: () => opened === current && isLost(),
        message: (channel, message) => opened === current && onMessage(channel, message),
      },
    )
    return opened
  }
  const abandon = (): void => {
    prepared?.close()
    prepared = undefined
  }
  let current: Listener | undefined
  current = open(url, () => {})
  return {
    settled: () => (isSettled ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
    refusal: () => current?.refusal(),
    prepare: (address, onAnswer) => {
      abandon()
      prepared = open(address, onAnswer)
    },
    prepared: () => ({ isListening: prepared?.isListening() ?? true, refusal: prepared?.refusal() }),
    move: (address) => {
      current?.close()
      isLost()
      current = prepared ?? open(address, () => {})
      prepared = undefined
      if (current.isListening()) isReady()
    },
    abandon,
    close: () => {
      abandon()
      current?.close()
      waiting = []
    },
  }
}

const openListener = (
  url: string,
  channels: string[],
  { clock, timeoutMaxMs }: { clock: Clock; timeoutMaxMs: number },
  events: ListenerEvents,
): Listener => {
  let isClosed = false
  let isListening = false
  let refusal: RedisFault | undefined
  const client = connectRedis(url, timeoutMaxMs, () => !isClosed)
  const reconnect = (): void => {
    if (!isClosed) client.disconnect(true)
  }
  client.on('error', () => {})
  client.on('ready', async () => {
    try {
      await client.subscribe(...channels)
      if (isClosed) return
      isListening = true
      refusal = undefined
      events.ready()
    } catch (error) {
      if (isClosed) return
      const fault = faultOf(error as Error)
      if (fault.reason !== 'connection' && fault.reason !== 'timeout') refusal = fault
      // A server that refuses SUBSCRIBE refuses it again, so it is asked once a second. A lost connection is made anew sooner.
      clock.after(pingMs, () => isListening || reconnect())
      events.refused()
    }
  })
  client.on('close', () => {
    isListening = false
    if (!isClosed) events.lost()
  })
  client.on('message', (channel: string, message: string) => {
    if (message !== checkMessage) events.message(channel, message)
  })
  const stopPinging = every(clock, pingMs, () => {
    if (isListening) client.ping().catch(reconnect)
  })
  return {
    isListening: () => isListening,
    refusal: () => refusal,
    close: () => {
      isClosed = true
      isListening = false
      stopPinging()
      client.disconnect()
    },
  }
}
