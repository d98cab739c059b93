import { InfraContext, InfraError, TRACE_ID_HEADER } from '@infra-kit/kernel';
import type { HttpSettings } from '../config/infra-kit.config.js';
import { rawRequest, rawResponse } from './raw-http.js';
import type { RequestHook } from './request-hooks.js';

/**
 * Opens the ambient context of each request: trace id from `traceparent`, else the trace header, else new;
 * a signal that aborts when the client goes away; the caller's deadline where it is trusted.
 * The trace id goes out in the same header.
 */
export function contextHook(settings: HttpSettings): RequestHook {
  const getter = (headers: object, key: string): unknown =>
    Reflect.get(headers, key === TRACE_ID_HEADER ? settings.traceHeader : key);

  return (request, response, done) => {
    const incoming = rawRequest(request);
    const outgoing = rawResponse(response);
    if (incoming === undefined || outgoing === undefined) return done();
    const { timeoutMs, ...trace } = InfraContext.extract(incoming.headers, getter);
    const gone = new AbortController();
    outgoing.once('close', () => {
      if (!outgoing.writableFinished)
        gone.abort(new InfraError('CANCELLED', 'the client closed the connection'));
    });
    const limit = settings.trustDeadlineHeader && timeoutMs !== undefined ? { timeoutMs } : {};
    InfraContext.run({ ...trace, ...limit, signal: gone.signal }, () => {
      const traceId = InfraContext.traceId();
      if (traceId !== undefined) outgoing.setHeader(settings.traceHeader, traceId);
      done();
    });
  };
}
