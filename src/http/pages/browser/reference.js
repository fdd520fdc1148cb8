// Starts Swagger UI on this gateway's own document. A sample key and a browser session are filled in.
const key = document.querySelector('meta[name=gateway-key]')?.content
const state = document.querySelector('#signed-in')

/** Whether this browser has a session of the gateway. */
const sessionOf = async () => {
  const answer = await fetch('/v1/session', { headers: { 'X-Gateway-Session': '1' } }).catch(() => undefined)
  return answer?.ok ? answer.json() : undefined
}
const session = !key && state.dataset.sessions === 'true' ? await sessionOf() : undefined
state.textContent = key
  ? 'The key of the demo is filled in.'
  : session
    ? 'This browser is signed in, so no key is needed.'
    : 'Type a key under « Authorize ». It stays in this page.'

const isDark = matchMedia('(prefers-color-scheme: dark)')
const paint = () => document.documentElement.classList.toggle('dark-mode', isDark.matches)
isDark.addEventListener('change', paint)
paint()

const ui = window.SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#reference',
  layout: 'BaseLayout',
  deepLinking: true,
  docExpansion: 'none',
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  filter: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  requestInterceptor: (request) => {
    // The session cookie counts only with this header. A key comes first.
    const { headers } = request
    if (session && !headers['X-API-Key'] && !headers.Authorization) headers['X-Gateway-Session'] = '1'
    return request
  },
  onComplete: () => {
    if (key) ui.preauthorizeApiKey('key', key)
  },
})
