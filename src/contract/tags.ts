/** The groups of endpoints in the OpenAPI document, in its order. */
export const tags = {
  organizations: 'The organizations of the company, and why one of them has no operators.',
  operators: 'Lists of operators, one operator, counts, and changes of name lists and statuses.',
  operations:
    'Writes that take long or are in doubt: imports, their rows, cancelling, repeating and undoing.',
  tokens: 'Tokens with which an operator signs in at ChatHub.',
  assignments: 'An active operator for each chat.',
  events: 'What changes, through the gateway and behind its back.',
  webhooks: 'Events as signed requests to a server of yours.',
  audit: 'Who changed what, and erasing a name.',
  mcp: 'Tools for programs that speak the Model Context Protocol. Only with `MCP_ENABLED`.',
  sessions: 'Sessions of browsers. No key ever reaches a page.',
  gateway: 'The gateway itself: the caller, health, metrics, cache and documents.',
  'drop-in': 'The paths and shapes of ChatHub, for programs that were written for it.',
}
export type Tag = keyof typeof tags
