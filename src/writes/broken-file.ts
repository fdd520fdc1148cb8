import { Failure } from '../errors.ts'

/** The refusal of a file that cannot be imported. `line`: where it breaks, from 1. */
export const brokenFile = (code: string, detail: string, line?: number): Failure =>
  new Failure('request.invalid-body', {
    detail: `The file cannot be imported. ${detail}`,
    errors: [{ pointer: line === undefined ? '' : `/line/${line}`, code, detail }],
  })
