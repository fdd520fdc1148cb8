import { z } from 'zod'
import { checking, type ValueFault } from './fault.ts'
import { Id, listOf } from './ids.ts'

const chatIdMax = 128
const strategies = ['roundRobin', 'modulo'] as const
export type Strategy = (typeof strategies)[number]

/** Visible: neither control nor space nor invisible format character, no half of a surrogate pair. */
const textFault = (text: string): ValueFault | undefined => {
  const length = [...text].length
  if (length < 1 || length > chatIdMax)
    return { code: 'length', detail: `Wanted: 1 to ${chatIdMax} characters.` }
  if (/[\p{Z}\p{Cc}\p{Cf}\p{Cs}]/u.test(text))
    return { code: 'chars', detail: 'Wanted: visible characters alone, no spaces.' }
  return undefined
}

const chatFault = (value: unknown): ValueFault | undefined => {
  if (value === undefined) return { code: 'required', detail: 'Required.' }
  if (typeof value === 'string') return textFault(value)
  if (typeof value !== 'number') return { code: 'type', detail: 'Wanted: a string or an integer.' }
  if (Number.isSafeInteger(value) && value >= 0) return undefined
  return { code: 'range', detail: `Wanted: an integer from 0 to ${Number.MAX_SAFE_INTEGER}.` }
}

const chatText = { type: 'string', minLength: 1, maxLength: chatIdMax }
const chatSchema = {
  anyOf: [chatText, { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER }],
  description:
    'Visible characters, or an integer; the integer 7 and the string "7" are the same chat. As it was sent.',
}

/** The id of a chat in a JSON body. */
const ChatId = z
  .unknown()
  .superRefine(checking(chatFault))
  .transform((value) => value as string | number)
  .meta({ openapi: chatSchema })

/** The same in a path, percent-encoded. */
export const ChatIdText = z.string().superRefine(checking(chatFault)).meta({ openapi: chatText })

/** The chat as a number, for `modulo`; undefined when its id is none. */
export const chatNumber = (chatId: unknown): number | undefined => {
  const text = String(chatId)
  const number = /^(0|[1-9]\d{0,15})$/.test(text) ? Number(text) : Number.NaN
  return Number.isSafeInteger(number) ? number : undefined
}

export const AssignChat = z
  .strictObject({
    chatId: ChatId,
    strategy: z
      .enum(strategies)
      .default('roundRobin')
      .describe(
        'For a chat that nobody holds. `roundRobin`: who was given the fewest chats in turn. `modulo`: an integer chatId modulo the active operators, in ChatHub’s order.',
      ),
    exclude: listOf(Id, [0, 1000])
      .default([])
      .describe('Operators not to choose; a chat that one of them holds moves.'),
  })
  .refine(({ strategy, chatId }) => strategy !== 'modulo' || chatNumber(chatId) !== undefined, {
    path: ['chatId'],
    message: 'Wanted: an integer of 0 or more, for the strategy modulo.',
    params: { code: 'integer' },
    // Also beside other faults, so that all are told at once; a chatId that is none at all is told once.
    when: ({ value }) => chatFault((value as { chatId?: unknown } | undefined)?.chatId) === undefined,
  })
  .meta({ id: 'AssignChat' })
export type AssignChat = z.infer<typeof AssignChat>

export const Assignment = z
  .strictObject({
    chatId: z.custom<string | number>().meta({ openapi: chatSchema }),
    operator: Id,
    strategy: z.enum(strategies).describe('By which the operator was chosen.'),
    assignedAt: z.iso.datetime(),
    explain: z.strictObject({
      reason: z
        .enum(['held', 'heldByInactive', 'fewestChats', 'modulo'])
        .describe(
          '`held`: chosen before and still active. `heldByInactive`: chosen before and not active any more; the next POST moves the chat.',
        ),
      moved: z
        .enum(['inactive', 'excluded'])
        .optional()
        .describe('Why the operator before lost the chat just now.'),
      active: z.int().describe('Active operators of the organization.'),
      candidates: z.int().describe('Those of them that are not excluded.'),
      given: z
        .int()
        .optional()
        .describe(
          '`fewestChats`: chats that the operator was given in turn before this one; no candidate had fewer. Newcomers start with the fewest of the others.',
        ),
      index: z.int().optional().describe('`modulo`: place of the operator among the candidates, from 0.'),
    }),
  })
  .meta({ id: 'Assignment' })
export type Assignment = z.infer<typeof Assignment>
