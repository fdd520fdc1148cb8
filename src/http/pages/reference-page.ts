import type { BytesAnswer } from '../answer.ts'
import { escapeHtml, htmlPage } from './page.ts'

/** Swagger UI on the gateway's own document. `sampleKey`: filled in, for everybody to see. */
export const referencePage = (options: {
  sampleKey: string | undefined
  hasSessions: boolean
}): BytesAnswer =>
  htmlPage({
    title: 'Reference',
    path: '/docs/reference',
    policy: 'reference',
    head: `${options.sampleKey ? `<meta name="gateway-key" content="${escapeHtml(options.sampleKey)}">\n` : ''}<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
<script src="/docs/assets/swagger-ui-bundle.js" defer></script>
<script type="module" src="/docs/assets/reference.js"></script>
`,
    body: `<p>Requests go to this gateway, with your rights. <span id="signed-in" data-sessions="${options.hasSessions}" role="status"></span></p>
<noscript><p>This page needs a script. Without one, read the <a href="/docs#endpoints">endpoints</a> and <a href="/openapi.yaml">the contract</a>.</p></noscript>
<div id="reference"></div>`,
  })
