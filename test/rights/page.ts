import type { Endpoint } from '../../src/contract/endpoints.ts'
import { includes, type Scope, scopes } from '../../src/contract/scopes.ts'

const code = (text: string): string => `\`${text}\``

/** The scopes with which an endpoint may be called, each group in one cell. */
const needs = ({ scope, scopeToo, scopeOr, scopeOfValue, sessionOnly }: Endpoint): string => {
  if (scope === 'open') return 'nothing'
  if (scope === 'any') return sessionOnly ? 'a browser session' : 'any credential'
  const more = scopeOfValue ? `; ${code(scopeOfValue.scope)} ${scopeOfValue.what}` : ''
  const or = scopeOr ? ` or ${code(scopeOr)}` : ''
  return `${[scope, ...(scopeToo ? [scopeToo] : [])].map(code).join(' and ')}${or}${more}`
}

const callOf = ({ method, path }: Endpoint): string => code(`${method.toUpperCase()} ${path}`)

/** docs/rights.md: which scope each endpoint needs, and what each scope allows. */
export const rightsPage = (endpoints: readonly Endpoint[]): string => {
  const allowedBy = (scope: Scope): string[] =>
    endpoints.filter((one) => [one.scope, one.scopeToo, one.scopeOr].includes(scope)).map(callOf)
  const scopeRow = (scope: Scope): string => {
    const included = (includes[scope] ?? []).map((each) => `and what ${code(each)} allows`)
    const allowed = [...allowedBy(scope), ...included]
    return `| ${code(scope)} | ${allowed.length > 0 ? allowed.join('<br>') : 'Reserved: no endpoint needs it yet.'} |`
  }
  return `# Rights

Made from the table of endpoints. \`UPDATE=true npm test -- test/rights\` writes it again.

A credential has scopes and organizations. An organization outside its list answers exactly like one that does not exist.
\`operators:write\` includes \`operators:status\`; no other scope includes one. A credential of any kind follows this table: a key,
a JWT, a browser session, or a gateway token of a drop-in login.

## What each endpoint needs

| endpoint | needs |
|---|---|
${endpoints.map((one) => `| ${callOf(one)} | ${needs(one)} |`).join('\n')}

Retrying an operation needs the scope of its write. With \`operators:status\` alone, an operator that is neither active nor
inactive cannot be changed: one alone is 403, and in a list of operators it is \`rejected\` with the reason \`scope.missing\`.

## When a right is withdrawn

A key is revoked, or loses a scope or an organization, when the file of keys is read again: twice a second, by every instance.
Its gateway tokens and the sessions that it minted lose the right too. A session that was ended at one instance is refused
by every other one within half a second. An event stream ends within half a second after its reader is refused.

A write that still waits for its turn, for the list or for its own slow body is refused like a new request, and nothing is
sent. Once it is kept in the journal it is carried out to its end: it shows as an operation, which \`admin\` may cancel. A read
that waits for ChatHub, at most \`READ_DEADLINE_MS\`, is answered.

## What a caller may learn

\`npm run attack -- rights\` asks every endpoint of the OpenAPI document with every kind of credential, every scope, and ids of
the caller, of others and of nobody. \`npm run attack -- timing\` compares the times. [attacks.md](attacks.md) has the results.

- What foreign and unknown have in common is status, body and headers, the calls to ChatHub, and the commands to Redis.
- An organization in the list of the caller that ChatHub does not have may be purged and may have sessions, since neither
  asks ChatHub.
- Ids of operations, tickets and sessions are random, so that nobody can ask for one without having it. How long
  the refusal of a valid id takes tells nothing new.

## What each scope allows

| scope | allows |
|---|---|
${scopes.map(scopeRow).join('\n')}
`
}
