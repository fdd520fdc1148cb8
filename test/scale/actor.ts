import type { Operator } from '../../src/contract/operator.ts'
import type { Cost } from './cost.ts'

export type List = { id: number; name: string; operators: Operator[] }

/** What is done at instances, by the model and by real ones. Lists are named by their organization. */
export type Actor = {
  read(instance: number, list: number): Promise<void>
  add(instance: number, list: number, name: string, idempotencyKey?: string): Promise<void>
  setStatus(instance: number, list: number, operator: number, status: 'active' | 'inactive'): Promise<void>
  import(instance: number, list: number, names: readonly string[]): Promise<void>
  assign(instance: number, list: number, chat: string): Promise<void>
  /** A reader of `/v1/events` of one organization at each instance. */
  listen(list: number): Promise<void>
  /** One webhook for one organization, instead of those readers. */
  callBack(list: number): Promise<void>
  rest(seconds: number): Promise<void>
  /** What the work since the last call cost, without what instances do by themselves; and that, for each second. */
  spent(): Promise<{ work: Cost; seconds: number; all: Cost; steps: Map<string, number> }>
}
