import { z } from 'zod'
import { checking, type ValueFault } from './fault.ts'
import { Count, component, Id, listOf } from './ids.ts'

const chatIdMax = 128
const strategies = ['roundRobin', 'modulo'] as const
export type Strategy = (typeof strategies)[number]

/** Visible characters only: no control, space, format character or lone surrogate. */
const textFault = (text: string): ValueFault | undefined => {
  const length = [...text].length
  if (length < 1 || length > chatIdMax)
    return { code: 'length', detail: `Wanted: 1 to ${chatIdMax} characters.` }
  if (/[\p{Z}\p{Cc}\p{Cf}\p{Cs}]/u.test(text))
    return { code: 'chars', detail: 'Wanted: visible characters only, no spaces.' }
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
    'Visible characters or an integer, as it was sent. The integer 7 and the string "7" name the same chat.',
}

/** The id of a chat in a JSON body. */
const ChatId = z
  .unknown()
  .superRefine(checking(chatFault))
  .transform((value) => value as string | number)
  .meta({ openapi: chatSchema })

/** The id of a chat in a path, percent-encoded. */
export const ChatIdText = z.string().superRefine(checking(chatFault)).meta({ openapi: chatText })

/** The number of a chat for `modulo`; undefined when its id is not an integer. */
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
        'For a chat without an operator. `roundRobin`: the operator with the fewest assigned chats. `modulo`: an integer chatId modulo the number of active operators, in the order of ChatHub.',
      ),
    exclude: listOf(Id, [0, 1000])
      .default([])
      .describe('Operators that are not chosen. A chat of one of them moves.'),
  })
  .refine(({ strategy, chatId }) => strategy !== 'modulo' || chatNumber(chatId) !== undefined, {
    path: ['chatId'],
    message: 'Wanted: an integer of 0 or more, for the strategy modulo.',
    params: { code: 'integer' },
    // Checked beside other faults, so that the caller sees all at once. An invalid chatId is reported once.
    when: ({ value }) => chatFault((value as { chatId?: unknown } | undefined)?.chatId) === undefined,
  })
  .meta({ id: 'AssignChat' })
export type AssignChat = z.infer<typeof AssignChat>

export const Assignment = component('Assignment', {
  chatId: z.custom<string | number>().meta({ openapi: chatSchema }),
  operator: Id,
  strategy: z.enum(strategies).describe('How the operator was chosen.'),
  assignedAt: z.iso.datetime(),
  explain: z.strictObject({
    reason: z
      .enum(['held', 'heldByInactive', 'fewestChats', 'modulo'])
      .describe(
        '`held`: assigned before and still active. `heldByInactive`: assigned before and no longer active; the next POST moves the chat.',
      ),
    moved: z
      .enum(['inactive', 'excluded'])
      .optional()
      .describe('Why the chat moved from its previous operator in this request.'),
    active: Count.describe('Active operators of the organization.'),
    candidates: Count.describe('Active operators that are not excluded.'),
    given: z
      .int()
      .min(0)
      .optional()
      .describe(
        '`fewestChats`: chats assigned to the operator before this one. No candidate had fewer. A new operator starts with the lowest count of the others.',
      ),
    index: Count.optional().describe('`modulo`: index of the operator among the candidates, from 0.'),
  }),
})
export type Assignment = z.infer<typeof Assignment>
