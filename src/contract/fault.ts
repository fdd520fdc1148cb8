import { z } from 'zod'
import type { Fault } from '../errors.ts'

/** A fault of a value, without its place. */
export type ValueFault = Omit<Fault, 'pointer'>

/** Adds the fault to zod's issues. The problem document shows its code. */
export const refuse = (context: z.core.$RefinementCtx, { code, detail }: ValueFault): never => {
  context.addIssue({ code: 'custom', message: detail, params: { code } })
  return z.NEVER
}

/** Makes a check for `superRefine`. */
export const checking =
  <T>(faultOf: (value: T) => ValueFault | undefined) =>
  (value: T, context: z.core.$RefinementCtx): void => {
    const fault = faultOf(value)
    if (fault) refuse(context, fault)
  }

/** Text that is parsed to a value. It has this fault when `parse` returns undefined. */
export const parsedText = <T>(parse: (text: string) => T | undefined, fault: ValueFault) =>
  z.string().transform((text, context) => parse(text) ?? refuse(context, fault))

const cursorFault = { code: 'cursor', detail: 'Wanted: nextCursor of the page before.' }
/** The cursor of a page in a query. */
export const cursorText = <T>(parse: (text: string) => T | undefined, maxLength: number) =>
  parsedText(parse, cursorFault)
    .meta({ openapi: { type: 'string', maxLength } })
    .optional()
    .describe('`nextCursor` of the page before.')
