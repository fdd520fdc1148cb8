// This page knows no key, no token and no session id. The browser sends the session cookie.
const config = await (await fetch('/config.json')).json()
const $ = (id) => document.getElementById(id)
const say = (text) => {
  $('message').textContent = text
}

/** Calls the gateway. Pages of other origins cannot send the header without a preflight, which fails. */
const send = (method, path, body) =>
  fetch(config.gateway + path, {
    method,
    credentials: 'include',
    headers: { 'X-Gateway-Session': '1', ...(body && { 'Content-Type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  })

/** Exchanges a ticket of our back end for the cookie. */
const signIn = async () => {
  const minted = await fetch('/ticket', { method: 'POST' })
  const { ticket, title } = await minted.json()
  if (!minted.ok) throw new Error(title)
  const opened = await send('POST', '/v1/session', { ticket })
  if (!opened.ok) throw new Error((await opened.json()).title)
}

/** The answer to a call. Opens a new session once when the old one has ended. */
const call = async (method, path, body) => {
  let answer = await send(method, path, body)
  if (answer.status === 401) {
    await signIn()
    answer = await send(method, path, body)
  }
  const value = await answer.json()
  if (!answer.ok) throw new Error(`${value.title} (${value.code}, request ${value.requestId})`)
  return value
}

const shown = (work) => async () => {
  try {
    await work()
  } catch (error) {
    say(error.message)
  }
}

const rowOf = ({ id, name, status }) => {
  const row = document.createElement('tr')
  const cells = [name, status].map((text) => {
    const cell = document.createElement('td')
    cell.textContent = text // a name may contain HTML
    return cell
  })
  const button = document.createElement('button')
  const next = status === 'active' ? 'inactive' : 'active'
  button.textContent = next === 'active' ? 'Activate' : 'Deactivate'
  button.setAttribute('aria-label', `${button.textContent} ${name}`)
  button.onclick = shown(async () => {
    const path = `/v1/organizations/${$('organization').value}/operators/${id}`
    const changed = await call('PATCH', path, { status: next })
    row.replaceWith(rowOf(changed))
    say(`${changed.name} is ${changed.status}.`)
  })
  const last = document.createElement('td')
  last.append(button)
  row.append(...cells, last)
  return row
}

const showOperators = shown(async () => {
  const { items, total } = await call('GET', `/v1/organizations/${$('organization').value}/operators`)
  $('operators').replaceChildren(...items.map(rowOf))
  say(`${total} operators.`)
})

$('organization').onchange = showOperators
$('sign-out').onclick = shown(async () => {
  const { ok, status } = await send('DELETE', '/v1/session')
  if (!ok && status !== 401) throw new Error('Signing out did not work; please try again.')
  $('operators').replaceChildren()
  $('organization').replaceChildren()
  say('Signed out.')
})

await shown(async () => {
  const { items } = await call('GET', '/v1/organizations')
  $('organization').replaceChildren(...items.map(({ id, name }) => new Option(name, id)))
  await showOperators()
})()
