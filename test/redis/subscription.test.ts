import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { createRedis, type Redis } from '../../src/redis/redis.ts'
import {
  openSubscription,
  type Subscription,
  type SubscriptionOptions,
} from '../../src/redis/subscription.ts'
import type { Report } from '../../src/report.ts'
import { createClock, type HandClock } from '../support/clock.ts'
import { until } from '../support/until.ts'
import { bulk, type FakeRedis, list, serverOf, startFakeRedis } from './fake-redis.ts'

const subscribed = `*3\r\n${bulk('subscribe')}${bulk('news')}:1\r\n`
const refused = '-NOPERM this user has no permissions to run the SUBSCRIBE command\r\n'
const pong = list('pong', '')

let clock: HandClock
let server: FakeRedis
let url: string
let events: string[]
let subscription: Subscription | undefined
const startServer = async (): Promise<FakeRedis> => {
  const answer = serverOf('7.2.4')
  return startFakeRedis((command) => {
    if (command[0] === 'SUBSCRIBE') return subscribed
    return command[0] === 'PING' ? pong : answer(command)
  })
}
const listening = (): SubscriptionOptions => {
  const own = events // an earlier test's connection may still close
  return {
    channels: ['news'],
    onReady: () => own.push('ready'),
    onLost: () => own.push('lost'),
    onMessage: (channel, message) => own.push(`${channel}: ${message}`),
  }
}
const subscribe = (): void => {
  subscription = openSubscription(url, listening(), {
    clock,
    timeoutMaxMs: 1000,
    isUsed: () => true,
    onAnswer: () => {},
  })
}
beforeEach(async () => {
  clock = createClock()
  server = await startServer()
  url = server.url
  events = []
})
afterEach(async () => {
  subscription?.close()
  subscription = undefined
  await server.close()
})

describe('a subscription', () => {
  it('hands on what is published, and says when it is lost and when it listens again', async () => {
    subscribe()
    await until(() => events.length === 1)
    server.push(list('message', 'news', 'hello'))
    await until(() => events.length === 2)
    server.cut()
    await until(() => events.length === 4)
    expect(events).toEqual(['ready', 'news: hello', 'lost', 'ready'])
  })

  it('connects anew when a ping is not answered', async () => {
    subscribe()
    await until(() => events.length === 1)
    server.hold()
    await clock.advance(1000)
    await until(() => events.at(-1) === 'lost')
    server.release()
    await until(() => events.at(-1) === 'ready')
    expect(server.accepted).toBe(2)
  })

  it('goes on over the connection that follows one that was lost as it subscribed', async () => {
    const { answer } = server
    server.answer = (command) => {
      if (command[0] !== 'SUBSCRIBE') return answer(command)
      server.answer = answer
      setImmediate(server.cut)
      return ''
    }
    subscribe()
    await until(() => events.at(-1) === 'ready')
    await clock.advance(1000)
    server.push(list('message', 'news', 'hello'))
    await until(() => events.at(-1) === 'news: hello')
    expect([events.slice(-2), server.accepted]).toEqual([['ready', 'news: hello'], 2])
  })

  it('that is refused is asked for once a second', async () => {
    const { answer } = server
    server.answer = (command) => (command[0] === 'SUBSCRIBE' ? refused : answer(command))
    const asked = (): number => server.commands.filter(([name]) => name === 'SUBSCRIBE').length
    subscribe()
    for (let times = 1; times <= 3; times++) {
      await until(() => asked() === times)
      await until(async () => {
        await clock.advance(1000)
        return asked() > times
      })
    }
    server.answer = answer
    await until(async () => {
      await clock.advance(1000)
      return events.at(-1) === 'ready'
    })
  })

  it('moves to another address without a gap, once it listens there', async () => {
    const redis = createRedis({ url, prefix: '', clock, report: () => {}, commandMs: 50 })
    redis.subscribe(listening())
    await until(() => events.length === 1 && redis.state() === 'ready')
    const other = await startServer()
    const { answer } = other
    other.answer = (command) => (command[0] === 'SUBSCRIBE' ? '' : answer(command))
    redis.replace(other.url)
    await until(() => other.commands.some(([name]) => name === 'SUBSCRIBE'))
    await clock.advance(2000)
    server.push(list('message', 'news', 'still used'))
    await until(() => events.length === 2)
    expect(events).toEqual(['ready', 'news: still used'])
    other.answer = answer
    other.push(subscribed)
    await until(() => events.length === 4)
    other.push(list('message', 'news', 'from there'))
    server.push(list('message', 'news', 'no longer heard'))
    await until(() => events.length === 5)
    expect(events).toEqual(['ready', 'news: still used', 'lost', 'ready', 'news: from there'])
    redis.close()
    await other.close()
  })

  it('leaves no connection to an address that was replaced when the gateway ends before it', async () => {
    const redis = createRedis({ url, prefix: '', clock, report: () => {}, commandMs: 50 })
    redis.subscribe(listening())
    await until(() => events.length === 1 && redis.state() === 'ready')
    const other = await startServer()
    redis.replace(other.url)
    await until(() => events.length === 3)
    // That for commands waits for those in flight, and the clock stands still.
    await until(() => server.open() === 1)
    redis.close()
    await until(() => server.open() + other.open() === 0)
    await other.close()
  })

  describe('at another address', () => {
    let redis: Redis
    let other: FakeRedis
    let reports: Report[]
    let opened: { close(): void }
    const told = () => reports.flatMap((report) => (report.name === 'redis' ? report.because : []))
    const asked = (name: string): number => other.commands.filter(([command]) => command === name).length
    /** `given`: the answer there to SUBSCRIBE. */
    const move = (given: string): void => {
      const { answer } = other
      other.answer = (command) => (command[0] === 'SUBSCRIBE' ? given : answer(command))
      redis.replace(other.url)
    }
    beforeEach(async () => {
      reports = []
      const report = (one: Report): void => void reports.push(one)
      redis = createRedis({ url, prefix: '', clock, report, commandMs: 50 })
      opened = redis.subscribe(listening())
      await until(() => events.length === 1 && redis.state() === 'ready')
      reports.length = 0
      other = await startServer()
    })
    afterEach(async () => {
      redis.close()
      await other.close()
    })

    it('where it was refused at first is followed by what the server there may lose', async () => {
      const { answer } = other
      const policyOf = (setting = '') => list(setting, setting === 'maxmemory' ? '1000' : 'allkeys-lru')
      other.answer = (command) => (command[0] === 'CONFIG' ? policyOf(command[2]) : answer(command))
      const accepting = other.answer
      move(refused)
      await until(() => told().length === 1)
      other.answer = accepting
      await until(async () => {
        await clock.advance(100)
        return told().length === 3
      })
      expect(told()).toEqual([expect.stringMatching(/NOPERM/), 'in use', 'allkeys-lru'])
    })

    it('does not begin there once the gateway has ended', async () => {
      move('')
      // Few checks, of one PING each, come before it is ready but for SUBSCRIBE. From then on one PING a second measures.
      await until(async () => {
        await clock.advance(50)
        return asked('PING') > 6
      })
      redis.close()
      opened.close()
      expect(told()).not.toContain('in use')
    })
  })
})
