import type { BytesAnswer } from '../answer.ts'

/** Scripts, styles and images of the gateway alone, and none in the page itself. */
const policyOf = (images: string): string =>
  `default-src 'none'; script-src 'self'; style-src 'self'; img-src ${images}; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'`
const policies = { page: policyOf("'self'"), reference: policyOf("'self' data:") }

export const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

/** A sentence in which `code` is marked as in Markdown. */
export const sentence = (text: string): string => escapeHtml(text).replace(/`([^`]+)`/g, '<code>$1</code>')

const places = { '/docs': 'Start', '/docs/reference': 'Reference', '/docs/problems': 'Problems' }

/** An HTML page of the documentation. `path`: its place in the navigation. */
export const htmlPage = (page: {
  title: string
  /** HTML. */
  body: string
  path?: keyof typeof places
  /** HTML of the head besides that of every page. */
  head?: string
  policy?: keyof typeof policies
}): BytesAnswer => {
  const links = Object.entries(places).map(
    ([path, name]) => `<a href="${path}"${path === page.path ? ' aria-current="page"' : ''}>${name}</a>`,
  )
  const title = page.path === '/docs' ? page.title : `${page.title} · ChatHub gateway`
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="/docs/assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/docs/assets/docs.css">
<script type="module" src="/docs/assets/docs.js"></script>
${page.head ?? ''}</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header><div>
<a class="name" href="/docs"><img src="/docs/assets/icon.svg" alt="">ChatHub gateway</a>
<nav aria-label="Documentation">${links.join('\n')}</nav>
<form class="search" role="search" hidden><input type="search" placeholder="Search ( / )" aria-label="Search the documentation" autocomplete="off"><ul hidden></ul><span role="status" class="skip"></span></form>
</div></header>
<main id="main">
<h1>${escapeHtml(page.title)}</h1>
${page.body}
</main>
</body>
</html>
`
  return { bytes: Buffer.from(html), policy: policies[page.policy ?? 'page'] }
}
