import type { Endpoint } from '../contract/endpoints.ts'
import { Failure, isFailure } from '../errors.ts'
import type { Handler } from './pipeline.ts'

/** On drop-in paths every input fault is 400, also one that only ChatHub finds. */
export const asDropIn =
  <E extends Endpoint>(handle: Handler<E>): Handler<E> =>
  async (input) => {
    try {
      return await handle(input)
    } catch (error) {
      if (!isFailure(error, 'chathub.rejected')) throw error
      throw new Failure('request.invalid', { cause: error, detail: error.detail })
    }
  }
