import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'
import type { Event } from '../../src/contract/event.ts'

export type Received = {
  id: string
  body: { type: string; timestamp: string; data: Event }
  /** The secrets whose signature it carries, by their place in `secrets`. */
  signedBy: number[]
  text: string
  headers: Record<string, string>
}
type Reply = number | 'hang' | { status: number; headers: Record<string, string> }

/** A receiver of webhooks on loopback. `reply` says what it answers, by default 204. */
export const startReceiver = async () => {
  const all: Received[] = []
  const taken: Received[] = []
  const receiver = {
    url: '',
    host: '',
    /** Every message that came, and those that were answered with 2xx. */
    ...{ all, taken },
    /** How many connections ended without an answer. */
    cut: 0,
    secrets: [] as string[],
    reply: (_message: Received): Reply => 204,
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(resolve))
    },
  }
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const piece of request.setEncoding('utf8')) text += piece
    const headers = request.headers as Record<string, string>
    const [id = '', seconds] = [headers['webhook-id'], headers['webhook-timestamp']]
    const signatures = headers['webhook-signature']?.split(' ')
    const signedBy = receiver.secrets.flatMap((secret, place) => {
      const wanted = new Webhook(secret).sign(id, new Date(Number(seconds) * 1000), text)
      return signatures?.includes(wanted) ? [place] : []
    })
    const message = { id, body: JSON.parse(text), signedBy, text, headers }
    all.push(message)
    const reply = receiver.reply(message)
    if (reply === 'hang') {
      response.on('close', () => receiver.cut++)
      return
    }
    const status = typeof reply === 'number' ? reply : reply.status
    if (status < 300) taken.push(message)
    response.writeHead(status, typeof reply === 'number' ? {} : reply.headers).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  receiver.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  receiver.url = `http://${receiver.host}/hook`
  return receiver
}

export type Receiver = Awaited<ReturnType<typeof startReceiver>>
