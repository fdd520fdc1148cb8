import type { Request } from 'express'
import { hasScope } from '../../access/authorize.ts'
import type { Caller } from '../../access/caller.ts'
import type { Freshness } from '../../cache/freshness.ts'
import { endpoints } from '../../contract/endpoints.ts'
import type { Scope } from '../../contract/scopes.ts'
import { Failure, isFailure } from '../../errors.ts'
import type { Answer } from '../answer.ts'
import { answerMcp } from '../mcp/protocol.ts'
import { describe, givenTo, type Tool, tools } from '../mcp/tools.ts'
import { problemResponse } from '../problem.ts'
import type { Router } from '../router.ts'
import type { Services } from './services.ts'

const instructions =
  'Operators of organizations in ChatHub. get_statistics names the organizations and their ids. Changes are audited under the key of this connection.'

const told = tools.map((tool) => [tool, describe(tool)] as const)

const textOf = (answer: Answer): string => {
  if ('keptBody' in answer) return answer.keptBody.toString()
  if ('bytes' in answer) return answer.bytes.toString()
  return 'json' in answer ? JSON.stringify(answer.json) : ''
}

/** What a reader must know of an old list. */
const ageOf = ({ ageMs, how }: Freshness): string[] =>
  how.startsWith('stale')
    ? [`ChatHub gave no newer data in time. This is ${Math.round(ageMs / 1000)} seconds old.`]
    : []

const text = (words: string) => ({ type: 'text', text: words })

/** /mcp: the endpoints of `tools` for programs that speak the Model Context Protocol, under the same rights and limits. */
export const mountMcp = (router: Router, { mcpEnabled, corsOrigins, version }: Services): void => {
  if (!mcpEnabled) return

  /** The outcome of a tool. What the endpoint refuses is an outcome too: the problem document. */
  const call = async (tool: Tool, args: Record<string, unknown>, req: Request, caller: Caller) => {
    try {
      const answer = await router.perform(tool.endpoint, req, caller, givenTo(tool, args))
      const age = 'freshness' in answer && answer.freshness ? ageOf(answer.freshness) : []
      return { content: [textOf(answer), ...age].map(text) }
    } catch (error) {
      if (!isFailure(error)) throw error
      const { requestContext } = req
      requestContext.code = error.code
      return {
        content: [text(problemResponse(error, requestContext.requestId).body.toString())],
        isError: true,
      }
    }
  }

  router.bind(endpoints.mcp, async ({ caller, body, req }) => {
    const { origin } = req.headers
    // A page may have reached this address by a name of its own (DNS rebinding), so its own origin does not count.
    if (origin !== undefined && !corsOrigins.includes(origin))
      throw new Failure('csrf.refused', {
        detail: 'Only pages of an origin that CORS_ORIGINS lists may call tools.',
      })
    const { id, method } = body
    if (id === undefined || method === undefined) return { empty: 202 }
    const server = { name: 'chathub-gateway', version, instructions }
    return answerMcp({ ...body, id, method }, req.headers, server, {
      list: () =>
        told
          .filter(([{ endpoint }]) => mayUse(caller, endpoint.scope as Scope | 'any'))
          .map(([, shown]) => shown),
      call: (name, args) => {
        const tool = tools.find((each) => each.name === name)
        return tool && call(tool, args, req, caller)
      },
    })
  })
}

const mayUse = (caller: Caller, scope: Scope | 'any'): boolean => scope === 'any' || hasScope(caller, scope)
