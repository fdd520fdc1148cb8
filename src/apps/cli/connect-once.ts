import { connectRedis, type RedisClient } from '../../redis/connect.ts'

const connectMs = 5000

/** A connection to Redis that is ready and does not come back by itself. @throws an error that says what went wrong last */
export const connectOnce = async (url: string, commandMs: number): Promise<RedisClient> => {
  const client = connectRedis(url, commandMs, () => false)
  let last = 'no answer'
  client.on('error', ({ message }: Error) => (last = message))
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      client.disconnect()
      reject(new Error(last))
    }, connectMs)
    client.once('ready', () => {
      clearTimeout(late)
      resolve(client)
    })
  })
}
