import type { SpanOf } from '../tracing/tracing.ts'
import type { Operation } from './operation.ts'

/** One step of an operation. It may run long after the request that asked for it, on another instance: so it is linked. */
export const operationSpan = ({ id, kind, next, traceparent: link }: Operation): SpanOf => ({
  name: `operation ${kind}`,
  kind: 'root',
  attributes: { 'gateway.operation': id, 'gateway.chunk': next },
  link,
})
