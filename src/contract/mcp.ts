import { z } from 'zod'
import { component } from './ids.ts'

const id = z.union([z.string().max(256), z.int()])

/** A message of JSON-RPC from a program that calls tools. Its method decides what the parameters are. */
export const McpMessage = z
  .looseObject({
    jsonrpc: z.literal('2.0'),
    id: id.optional(),
    method: z.string().max(100).optional(),
    params: z.looseObject({}).optional(),
  })
  .meta({
    id: 'McpMessage',
    description: 'JSON-RPC. Without an id it is a notification, which has no answer.',
  })
export type McpMessage = z.infer<typeof McpMessage>

export const McpAnswer = component('McpAnswer', {
  jsonrpc: z.literal('2.0'),
  id,
  result: z.looseObject({}).optional(),
  error: z
    .strictObject({ code: z.int(), message: z.string(), data: z.looseObject({}).optional() })
    .optional(),
})
export type McpAnswer = z.infer<typeof McpAnswer>
