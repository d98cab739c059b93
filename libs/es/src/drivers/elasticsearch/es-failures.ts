import { errors } from '@elastic/elasticsearch';
import { messageOf, type InfraErrorCode } from '@infra-kit/kernel';
import type { Failure } from '../es-driver.js';
import { EsRefusal } from '../es-refusal.js';

const BY_STATUS: Readonly<Record<number, InfraErrorCode>> = {
  400: 'INVALID_ARGUMENT',
  401: 'PERMISSION_DENIED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  405: 'UNIMPLEMENTED',
  408: 'DEADLINE_EXCEEDED',
  409: 'ABORTED',
  413: 'INVALID_ARGUMENT',
  429: 'RESOURCE_EXHAUSTED',
  502: 'UNAVAILABLE',
  503: 'UNAVAILABLE',
  504: 'UNAVAILABLE',
};

const REFUSED = /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH/;
const LONGEST_REASON = 500;

interface Cause {
  readonly type?: string;
  readonly reason?: string;
  readonly caused_by?: Cause;
  readonly root_cause?: readonly Cause[];
}

/** A search says `all shards failed`, and why only in its root causes. */
function causeOf({ type, caused_by: cause, root_cause: roots }: Cause): Cause | undefined {
  return cause ?? (type === 'search_phase_execution_exception' ? roots?.[0] : undefined);
}

/** The server's own words, innermost last: a mapping error names its field in one of them. */
export function reasonOf(error: unknown): string {
  const parts: string[] = [];
  for (
    let cause = error as Cause | undefined;
    typeof cause === 'object' && cause !== null;
    cause = causeOf(cause)
  )
    if (cause.reason !== undefined && cause.reason !== null)
      parts.push(`${cause.type ?? 'error'}: ${cause.reason}`);
  return parts.join('; ').slice(0, LONGEST_REASON);
}

function codeOfAnswer(status: number, type: string | undefined): InfraErrorCode {
  if (type === 'resource_already_exists_exception') return 'ALREADY_EXISTS';
  if (type === 'aliases_not_found_exception') return 'ABORTED';
  return BY_STATUS[status] ?? (status >= 500 ? 'INTERNAL' : 'INVALID_ARGUMENT');
}

function answered(error: errors.ResponseError): Failure {
  const status = error.statusCode ?? 0;
  const cause: unknown = Reflect.get(Object(error.body) as object, 'error');
  const type: unknown = Reflect.get(Object(cause) as object, 'type');
  const code = codeOfAnswer(status, typeof type === 'string' ? type : undefined);
  return {
    code,
    status,
    nothingDone: status === 429 || status === 503,
    reason: reasonOf(cause) || `the cluster answered ${status}`,
  };
}

/** What an error of the client means. */
export function failureOf(error: unknown): Failure {
  if (error instanceof EsRefusal)
    return { code: error.code, status: 0, nothingDone: true, reason: error.message };
  if (error instanceof errors.ResponseError) return answered(error);
  const unanswered = (code: InfraErrorCode, nothingDone = false, reason = messageOf(error)): Failure => ({
    code,
    nothingDone,
    status: 0,
    reason: reason.slice(0, LONGEST_REASON),
  });
  if (error instanceof errors.SerializationError)
    return unanswered('INVALID_ARGUMENT', true, `it cannot be written as JSON: ${error.message}`);
  if (error instanceof errors.TimeoutError) return unanswered('DEADLINE_EXCEEDED');
  if (error instanceof errors.RequestAbortedError) return unanswered('CANCELLED');
  if (error instanceof errors.NoLivingConnectionsError) return unanswered('UNAVAILABLE', true);
  if (error instanceof errors.ConnectionError) return unanswered('UNAVAILABLE', REFUSED.test(error.message));
  if (error instanceof errors.ProductNotSupportedError) return unanswered('UNIMPLEMENTED');
  return unanswered('INTERNAL');
}
