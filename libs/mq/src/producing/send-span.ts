import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { isTracing, MQ_SCOPE } from '../mq.telemetry.js';

/** Runs a send in a producer span, which is what the messages' `traceparent` then names. */
export function sendSpan<T>(topic: string, count: number, send: () => Promise<T>): Promise<T> {
  if (!isTracing()) return send();
  const attributes = {
    'messaging.system': 'kafka',
    'messaging.operation.type': 'send',
    'messaging.destination.name': topic,
    'messaging.batch.message_count': count,
  };
  const options = { kind: SpanKind.PRODUCER, attributes };
  return trace.getTracer(MQ_SCOPE).startActiveSpan(`send ${topic}`, options, async (span) => {
    try {
      return await send();
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  });
}
