import { z } from 'zod'
import { component } from './ids.ts'

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

/** Who threw a switch last, and why. Null: it is as the gateway started. */
const thrown = {
  since: z.iso.datetime().nullable(),
  by: z.string().nullable().describe('The client, and the person of its session.'),
  reason: z.string().nullable(),
}
const onOff = z.strictObject({ on: z.boolean(), ...thrown })

export const Switches = component('Switches', {
  readOnly: onOff.describe(
    'Operators are not changed: such requests answer 503 `gateway.read-only`, and running operations wait.',
  ),
  chathubPaused: onOff.describe('ChatHub is asked for nothing. Lists are served as they are known.'),
  draining: onOff.describe(
    'GET /readyz of this instance answers 503, so that a balancer sends it nothing new. It goes on answering.',
  ),
  logLevel: z.strictObject({ level: z.enum(logLevels), ...thrown }),
})
export type Switches = z.infer<typeof Switches>

export const SwitchChange = component('SwitchChange', {
  readOnly: z.boolean().optional(),
  chathubPaused: z.boolean().optional(),
  draining: z.boolean().optional().describe('Of the instance that answers, alone.'),
  logLevel: z.enum(logLevels).nullable().optional().describe('Null: as LOG_LEVEL says.'),
  reason: z.string().min(1).max(200).optional().describe('For those who read the audit log.'),
})
export type SwitchChange = z.infer<typeof SwitchChange>
