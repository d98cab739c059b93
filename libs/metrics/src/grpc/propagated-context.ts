import { propagation, ROOT_CONTEXT, trace, type Context } from '@opentelemetry/api';
import type { ContextData } from '@infra-kit/kernel';

/** Reads a header of whatever carries a call; undefined where there is none. */
export type HeaderReader = (key: string) => unknown;

const textOf = (value: unknown): string | undefined => {
  if (typeof value === 'string') return value;
  return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : undefined;
};

/**
 * The caller's span as OpenTelemetry's propagators read it (trace state and baggage included), else as the suite's context
 * has it; without either a trace begins here. Nothing of what is active is inherited.
 */
export function parentOf(read: HeaderReader, context: Readonly<ContextData> | undefined): Context {
  const getter = { get: (_: object, key: string) => textOf(read(key)), keys: () => [] };
  const extracted = propagation.extract(ROOT_CONTEXT, {}, getter);
  const parent = context?.parent;
  if (parent === undefined || trace.getSpanContext(extracted)) return extracted;
  const { traceId, spanId, flags } = parent;
  return trace.setSpanContext(extracted, { traceId, spanId, traceFlags: flags, isRemote: true });
}
