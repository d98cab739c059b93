import {
  ROOT_CONTEXT,
  SeverityNumber,
  trace,
  TraceFlags,
  type Attributes,
  type Context,
  type Logger,
} from '@opentelemetry/api';
import { validTraceId } from '@infra-kit/kernel';
import type { LineTaker } from '../metrics.provider.js';

const SEVERITIES: Readonly<Record<string, SeverityNumber>> = {
  trace: SeverityNumber.TRACE,
  debug: SeverityNumber.DEBUG,
  info: SeverityNumber.INFO,
  warn: SeverityNumber.WARN,
  error: SeverityNumber.ERROR,
  fatal: SeverityNumber.FATAL,
};

/** Fields of a line that have a place of their own in a record, or in the resource. */
const PLACED: ReadonlySet<string> = new Set([
  'time',
  'level',
  'msg',
  'trace_id',
  'span_id',
  'service',
  'env',
  'instance',
]);

function contextOf({ trace_id, span_id }: Record<string, unknown>): Context {
  const traceId = validTraceId(trace_id);
  if (traceId === undefined || typeof span_id !== 'string') return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId: span_id, traceFlags: TraceFlags.SAMPLED });
}

function attributesOf(line: Record<string, unknown>): Attributes {
  const given = Object.entries(line).filter(([name]) => !PLACED.has(name));
  return Object.fromEntries(
    given.map(([name, value]) => [
      name,
      ['string', 'number', 'boolean'].includes(typeof value)
        ? (value as string | number | boolean)
        : JSON.stringify(value),
    ]),
  );
}

/** Turns clog's lines into log records. A line without a span keeps its trace id as an attribute. */
export function lineTaker(logger: Logger): LineTaker {
  return (text) => {
    try {
      const line = Object(JSON.parse(text)) as Record<string, unknown>;
      const level = String(line['level']);
      const within = contextOf(line);
      const attributes = attributesOf(line);
      if (within === ROOT_CONTEXT && typeof line['trace_id'] === 'string')
        attributes['trace_id'] = line['trace_id'];
      logger.emit({
        timestamp: Date.parse(String(line['time'])),
        severityText: level,
        severityNumber: SEVERITIES[level] ?? SeverityNumber.UNSPECIFIED,
        body: typeof line['msg'] === 'string' ? line['msg'] : '',
        attributes,
        context: within,
      });
    } catch {
      // no JSON: nothing that clog writes; a log call must not fail for it
    }
  };
}
