import type { ExecutionContext } from '@nestjs/common';
import { EdgeCalls, InfraContext } from '@infra-kit/kernel';
import type { Permit } from '../ratelimit.provider.js';

/** Tickets and frames of rate limits, in every application of the process: they live as long as a call. */
export const edgeCalls = new EdgeCalls();

/** What guards have decided about one request, message or operation. */
export interface EdgeRecord {
  readonly charged: Set<unknown>;
  readonly permits: Permit[];
}

const records = new WeakMap<object, EdgeRecord>();

/** What stands for the request: guards and interceptors get contexts of their own around it. GraphQL: the operation. */
function requestObject(context: ExecutionContext): object {
  const kind: string = context.getType();
  const of: unknown =
    kind === 'http'
      ? context.getArgByIndex(0)
      : kind === 'graphql'
        ? context.getArgByIndex(2)
        : context.getArgs();
  return typeof of === 'object' && of !== null ? of : context.getArgs<unknown[]>();
}

export function edgeRecord(context: ExecutionContext): EdgeRecord {
  const request = requestObject(context);
  let record = records.get(request);
  if (record === undefined) records.set(request, (record = { charged: new Set(), permits: [] }));
  return record;
}

const charges = new WeakMap<object, Set<unknown>>();

/** Rules charged for the GraphQL operation that runs: its resolvers share the context of the request that brought it. */
export function operationCharges(): Set<unknown> | undefined {
  const context = InfraContext.current();
  if (context === undefined) return undefined;
  let charged = charges.get(context);
  if (charged === undefined) charges.set(context, (charged = new Set()));
  return charged;
}
