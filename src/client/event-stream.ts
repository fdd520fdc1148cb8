import { ConnectionError } from './errors.ts'

/** `data` is empty where the gateway only tells its place. */
export type StreamedEvent = { id: string | undefined; data: string }

const eventOf = (block: string): StreamedEvent => {
  const event: StreamedEvent = { id: undefined, data: '' }
  for (const line of block.split('\n')) {
    const [, name, value = ''] = /^(\w+): ?(.*)$/.exec(line) ?? []
    if (name === 'id') event.id = value
    if (name === 'data') event.data += (event.data && '\n') + value
  }
  return event
}

/** The events of a stream (WHATWG HTML §9.2). `onBytes` is called for all that comes, comments too. */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
  onBytes: () => void,
): AsyncGenerator<StreamedEvent, void, undefined> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let text = ''
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause) => {
        throw new ConnectionError('connection', 'The stream broke.', { cause })
      })
      if (done) return
      onBytes()
      text += decoder.decode(value, { stream: true })
      const blocks = text.split('\n\n')
      text = blocks.pop() as string
      for (const event of blocks.map(eventOf)) if (event.data || event.id !== undefined) yield event
    }
  } finally {
    await reader.cancel().catch(() => {})
  }
}
