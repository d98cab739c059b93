import { trace } from '@opentelemetry/api';
import { InfraContext } from '@infra-kit/kernel';
import type { LineFields } from './field-copier.js';

/** The context attribute under which a request's id travels; it becomes the line's `request_id`. */
export const REQUEST_ID_ATTRIBUTE = 'request_id';

const NO_TRACE = '0'.repeat(32);

/** What the ambient context says of a line: the active span's ids, else the context's trace and its caller's span. */
export function traceFields(): LineFields {
  const span = trace.getActiveSpan()?.spanContext();
  const context = InfraContext.current();
  const line: LineFields = {};
  if (span !== undefined && span.traceId !== NO_TRACE) {
    line['trace_id'] = span.traceId;
    line['span_id'] = span.spanId;
  } else if (context !== undefined) {
    line['trace_id'] = context.traceId;
    if (context.parent?.traceId === context.traceId) line['span_id'] = context.parent.spanId;
  }
  const requestId = context?.attributes[REQUEST_ID_ATTRIBUTE];
  if (requestId !== undefined) line[REQUEST_ID_ATTRIBUTE] = requestId;
  return line;
}
