import { context, trace, type Context } from '@opentelemetry/api';
import { InfraContext } from '@infra-kit/kernel';

/** The context a new span belongs into: the active span's, else that of the caller named by the InfraContext. */
export function callerContext(): Context {
  const active = context.active();
  const parent = InfraContext.current()?.parent;
  if (parent === undefined || trace.getSpan(active) !== undefined) return active;
  const { traceId, spanId, flags } = parent;
  return trace.setSpanContext(active, { traceId, spanId, traceFlags: flags, isRemote: true });
}
