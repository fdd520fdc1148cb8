import { describe, expect, it } from '@jest/globals'
import { createSingleFlight } from '../../src/cache/single-flight.ts'
import { settle } from '../support/clock.ts'

const deferred = () => {
  let resolve = (_: string): void => {}
  let reject = (_: Error): void => {}
  const promise = new Promise<string>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

describe('flights', () => {
  it('are one load for all who wait, and a new one after it has landed', async () => {
    const flights = createSingleFlight<string>()
    const load = deferred()
    const first = flights.join('a', 'foreground', () => load.promise)
    const second = flights.join('a', 'foreground', () => Promise.reject(new Error('not asked')))
    expect([first.collapsed, second.collapsed]).toEqual([false, true])
    load.resolve('one')
    expect(await Promise.all([first.promise, second.promise])).toEqual(['one', 'one'])
    await settle()
    const third = flights.join('a', 'foreground', async () => 'two')
    expect([third.collapsed, await third.promise]).toEqual([false, 'two'])
  })

  it('end for all with the failure, and leave nothing behind', async () => {
    const flights = createSingleFlight<string>()
    const load = deferred()
    const both = [1, 2].map(() => flights.join('a', 'foreground', () => load.promise).promise)
    load.reject(new Error('down'))
    expect((await Promise.allSettled(both)).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await settle()
    expect(await flights.join('a', 'foreground', async () => 'again').promise).toBe('again')
  })

  it('of different keys have nothing to do with each other', () => {
    const flights = createSingleFlight<string>()
    flights.join('a', 'foreground', () => deferred().promise)
    expect(flights.join('b', 'foreground', () => deferred().promise).collapsed).toBe(false)
  })

  it('that somebody waits for are not those that refresh behind, and refreshes join either', async () => {
    const flights = createSingleFlight<string>()
    const [background, foreground] = [deferred(), deferred()]
    const refresh = flights.join('a', 'background', () => background.promise)
    expect(flights.join('a', 'background', () => foreground.promise).promise).toBe(refresh.promise)
    const person = flights.join('a', 'foreground', () => foreground.promise)
    expect(person.collapsed).toBe(false)
    expect(flights.join('a', 'background', () => deferred().promise).promise).toBe(person.promise)
    background.resolve('older')
    await settle()
    expect(flights.join('a', 'foreground', () => deferred().promise).promise).toBe(person.promise)
  })

  it('that a write detached are finished for those aboard, and joined by nobody else', async () => {
    const flights = createSingleFlight<string>()
    const [before, after] = [deferred(), deferred()]
    const aboard = flights.join('a', 'foreground', () => before.promise)
    flights.detach('a')
    const next = flights.join('a', 'foreground', () => after.promise)
    expect(next.collapsed).toBe(false)
    before.resolve('older')
    expect(await aboard.promise).toBe('older')
    await settle()
    expect(flights.join('a', 'foreground', () => deferred().promise).promise).toBe(next.promise)
  })
})
