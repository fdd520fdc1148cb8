import { CopyText } from '../states/copy-text.tsx'
import { useWords } from '../words/words.ts'

const page = (gateway: string): string => `<p id="chat-contact" hidden>The chat is not available.</p>
<script type="module" src="${gateway}/widget/loader.js"
  data-ticket-url="/chathub-ticket" data-contact="#chat-contact"></script>`

const ticket = (
  gateway: string,
  organization: number,
  operator: number,
): string => `curl -X POST ${gateway}/v1/sessions -H "X-API-Key: $KEY" \\
  -H 'Content-Type: application/json' \\
  -d '{"origin":"https://your-page.example","organizations":[${organization}],"operator":${operator},"scopes":[]}'`

const Snippet = ({ title, text }: { title: string; text: string }) => {
  const { t } = useWords()
  return (
    <>
      <p>{title}</p>
      <pre className="snippet">{text}</pre>
      <CopyText text={text} label={t('action.copy')} />
    </>
  )
}

/** What puts ChatHub's widget into a page for this operator: a script there, and a ticket from the back end of that page. */
export const PlaceWidget = ({ organization, id }: { organization: number; id: number }) => {
  const { t } = useWords()
  const { origin } = location
  return (
    <details>
      <summary>{t('widget.title')}</summary>
      <Snippet title={t('widget.page')} text={page(origin)} />
      <Snippet title={t('widget.ticket')} text={ticket(origin, organization, id)} />
      <p>
        <a href="/docs/guides/widget" target="_blank" rel="noreferrer">
          {t('widget.docs')}
        </a>
      </p>
    </details>
  )
}
