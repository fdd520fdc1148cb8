// A part of the page itself. Sends what the first screen asks for before the other scripts are compiled. `data/gateway.ts` takes the answers.
{
  const gateway = new URL('/', location)
  const headers = {
    'X-Gateway-Session': '1',
    Accept: 'application/json',
    'Content-Type': 'application/json',
  }
  const answers = new Map()
  globalThis.early = answers
  const send = (method, path, body) => {
    const url = new URL(path, gateway).href
    const answer = fetch(url, { method, headers, body })
    // Who takes it finds the failure.
    answer.catch(() => {})
    answers.set(`${method} ${url}`, answer)
    return answer
  }
  const [, ticket] = /^#ticket=([\w-]{20,200})$/.exec(location.hash) ?? []
  const coverage = new URLSearchParams({ types: 'coverage.low,coverage.restored', limit: '1000' })
  const read = () => {
    const isBoard = ticket !== undefined || /^#?\/?$/.test(location.hash)
    const lists = isBoard ? ['v1/statistics', `v1/events?${coverage}`] : ['v1/organizations']
    for (const path of ['v1/session', ...lists]) void send('GET', path)
  }
  if (ticket !== undefined)
    send('POST', 'v1/session', JSON.stringify({ ticket })).then(
      ({ ok }) => ok && read(),
      () => {},
    )
  else if (!location.hash.startsWith('#error=')) read()
}
