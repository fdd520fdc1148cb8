import { type Answer, problem } from './answer.ts'
import type { Directory } from './directory.ts'
import { acceptsText, admit, sendsJson } from './guard.ts'
import type { Incoming } from './incoming.ts'
import { changeStatus, listOperators, listOrganizations, synchronize } from './operator-endpoints.ts'
import { issueOperatorToken, type LoginRules, logIn, validateToken } from './token-endpoints.ts'
import type { Tokens } from './tokens.ts'

export type ChatHubState = { directory: Directory; tokens: Tokens; rules: LoginRules }

/**
 * ChatHub without transport: takes a complete request, changes the tables, and returns an answer.
 * Order of refusals, as in ASP.NET Core: path 404, size 413, token 401/403, Accept 406, type 415, body 400.
 */
export function answerTo(incoming: Incoming, { directory, tokens, rules }: ChatHubState): Answer {
  const { route, method } = incoming
  if (route === 'other') return problem(404)
  if (incoming.tooLarge) return problem(413)
  if (route === 'login') return sendsJson(incoming) ? logIn(incoming, tokens, rules) : problem(415)

  const admission = admit(incoming, tokens)
  if ('refusal' in admission) return admission.refusal
  if (method === 'GET' && !acceptsText(incoming)) return problem(406)
  if (method === 'POST' && !sendsJson(incoming)) return problem(415)

  switch (route) {
    case 'organizations':
      return listOrganizations(directory)
    case 'list':
      return listOperators(incoming, directory, admission.holder)
    case 'synchronize':
      return synchronize(incoming, directory)
    case 'status':
      return changeStatus(incoming, directory)
    case 'operator-token':
      return issueOperatorToken(incoming, directory, tokens, rules.now)
    case 'validate':
      return validateToken(incoming, tokens)
  }
}

/**
 * The organizations that a request concerns: from the query, from the rows of a synchronize call, or from the
 * operator's id. Empty if there is none or the operator is unknown.
 */
export function organizationsOf(incoming: Incoming, directory: Directory): number[] {
  if (incoming.route === 'list') {
    return [Number(incoming.query.get('organizationId') ?? Number.NaN)].filter(Number.isInteger)
  }
  if (incoming.route === 'synchronize' && Array.isArray(incoming.json)) {
    return [...new Set(incoming.json.map((row) => row?.organizationId))].filter(Number.isInteger)
  }
  const id = (incoming.json as { id?: number } | null | undefined)?.id
  const organization = id === undefined ? undefined : directory.operator(id)?.organizationId
  return organization === undefined ? [] : [organization]
}
