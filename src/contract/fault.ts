import { z } from 'zod'
import type { Fault } from '../errors.ts'

/** What is wrong with a value, wherever it stands. */
export type ValueFault = Omit<Fault, 'pointer'>

/** Tells zod, which carries the code to whoever answers. */
export const refuse = (context: z.core.$RefinementCtx, { code, detail }: ValueFault): never => {
  context.addIssue({ code: 'custom', message: detail, params: { code } })
  return z.NEVER
}

/** For `superRefine`: refuses what has a fault. */
export const checking =
  <T>(faultOf: (value: T) => ValueFault | undefined) =>
  (value: T, context: z.core.$RefinementCtx): void => {
    const fault = faultOf(value)
    if (fault) refuse(context, fault)
  }

/** Text that stands for a value; what `parse` makes nothing of has this fault. */
export const parsedText = <T>(parse: (text: string) => T | undefined, fault: ValueFault) =>
  z.string().transform((text, context) => parse(text) ?? refuse(context, fault))
