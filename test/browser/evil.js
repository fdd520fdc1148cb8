// The script of an attacker's page. Each function returns the outcomes of its attempts.

const outcomeOf = async (url, attempt) => {
  try {
    return (await (await fetch(url, { credentials: 'include', ...attempt })).text()) || 'nothing'
  } catch {
    return 'nothing'
  }
}

/** Loads the URL as a script, an image or a frame. */
const embed = (kind, url) =>
  new Promise((resolve) => {
    const element = document.createElement(kind)
    element.onerror = () => resolve('nothing')
    element.onload = () => {
      try {
        const seen = kind === 'iframe' ? element.contentDocument : element
        resolve(seen === null ? 'nothing' : `a loaded ${kind}`)
      } catch {
        resolve('nothing')
      }
    }
    element.src = url
    document.body.append(element)
  })

globalThis.tryToRead = (url) =>
  Promise.all([
    outcomeOf(url, {}),
    outcomeOf(url, { headers: { 'X-Gateway-Session': '1' } }),
    outcomeOf(url, { mode: 'no-cors' }),
    outcomeOf(url, { headers: { 'Content-Type': 'text/plain' } }),
    outcomeOf(url, { redirect: 'manual', cache: 'force-cache' }),
    ...['script', 'img', 'iframe'].map((kind) => embed(kind, url)),
  ])

globalThis.tryToWrite = (url) => {
  const body = '{"status":"deleted"}'
  const json = { 'Content-Type': 'application/json' }
  return Promise.all([
    outcomeOf(url, { method: 'PATCH', headers: json, body }),
    outcomeOf(url, { method: 'PATCH', headers: { ...json, 'X-Gateway-Session': '1' }, body }),
    outcomeOf(url, { method: 'DELETE' }),
    outcomeOf(url, { method: 'DELETE', headers: { 'X-Gateway-Session': '1' } }),
    outcomeOf(url, { method: 'POST', mode: 'no-cors', body }),
    outcomeOf(url, { method: 'POST', mode: 'no-cors', body: new URLSearchParams({ _method: 'DELETE' }) }),
    outcomeOf(url, { method: 'POST', mode: 'no-cors', headers: { 'X-Gateway-Session': '1' }, body }),
  ])
}

/** Submits a form whose text/plain body is JSON. */
globalThis.submitForm = ({ action, start, end }) => {
  const form = document.createElement('form')
  Object.assign(form, { method: 'post', action, enctype: 'text/plain' })
  const field = document.createElement('input')
  Object.assign(field, { name: start, value: end })
  form.append(field)
  document.body.append(form)
  form.submit()
}
