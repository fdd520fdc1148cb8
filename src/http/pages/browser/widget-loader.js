// Places ChatHub's widget in a page, for the person who is signed in: docs/guides/widget.md.
const elementId = 'operator-chat-panel-script'
const placed = Symbol.for('chathub-gateway.widget')
const lifeSeconds = 86_340
const renewBeforeMs = 3_600_000
const retryMs = 60_000

const tag = [...document.scripts].find(({ src }) => src === import.meta.url)
const {
  ticketUrl,
  contact,
  widget = 'https://widget.smsbat.com/operator-chat-panel/widget-script.js',
} = tag?.dataset ?? {}
const gateway = new URL(import.meta.url).origin

const post = (path, body) =>
  fetch(gateway + path, {
    method: 'POST',
    credentials: 'include',
    headers: { 'Content-Type': 'application/json', 'X-Gateway-Session': '1' },
    body: JSON.stringify(body),
  })
const must = async (answer) => {
  if (answer.ok) return answer
  const { title, code, requestId } = await answer.json().catch(() => ({}))
  throw new Error(`${title ?? answer.status} (${code}, request ${requestId})`)
}

/** Exchanges a ticket of the back end of this page for the cookie of a session. */
const signIn = async () => {
  const minted = await must(await fetch(ticketUrl, { method: 'POST' }))
  await must(await post('/v1/session', { ticket: (await minted.json()).ticket }))
}
const newToken = async () => {
  const ask = () => post('/v1/session:operatorToken', { expiresIn: lifeSeconds })
  let answer = await ask()
  if (answer.status === 401 && ticketUrl) {
    await signIn()
    answer = await ask()
  }
  return (await (await must(answer)).json()).token
}

let times = 0
const removeWidget = () => {
  for (const old of document.querySelectorAll(`script[id^="${elementId}"]`)) old.remove()
}
const placeWidget = (token) =>
  new Promise((resolve, reject) => {
    removeWidget()
    const script = document.createElement('script')
    script.type = 'module'
    script.id = elementId
    // A browser runs a module of one address once. What follows # is not sent, so the file is the same.
    script.src = `${widget}#${++times}`
    script.setAttribute('token', token)
    script.onload = resolve
    script.onerror = () => reject(new Error('The script of the widget could not be loaded.'))
    document.body.append(script)
  })
const showContact = (isShown) => {
  const element = contact && document.querySelector(contact)
  if (element) element.hidden = !isShown
}

/** Of this computer. What counts is the time since a token came, so a wrong clock does no harm. */
let endsAt = 0
let dueAt = 0
let timer
const next = (ms) => {
  dueAt = Date.now() + ms
  clearTimeout(timer)
  timer = setTimeout(work, ms)
}
const work = async () => {
  dueAt = Number.POSITIVE_INFINITY
  const askedAt = Date.now()
  try {
    const token = await newToken()
    await placeWidget(token)
    endsAt = askedAt + lifeSeconds * 1000
    showContact(false)
    next(lifeSeconds * 1000 - renewBeforeMs)
  } catch (error) {
    console.warn(`ChatHub's widget: ${error.message}`)
    // A widget whose token is still good stays.
    if (Date.now() >= endsAt) {
      removeWidget()
      showContact(true)
    }
    next(retryMs)
  }
}

if (!window[placed]) {
  window[placed] = true
  // Timers stand still while a computer sleeps.
  document.addEventListener('visibilitychange', () => {
    if (Date.now() >= dueAt) void work()
  })
  void work()
}
