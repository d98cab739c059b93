import { isInfraError, type InfraErrorCode } from '@infra-kit/kernel';

/** No connection to send on: nothing has been sent. */
export class RedisAwayError extends Error {
  override readonly name = 'RedisAwayError';
}

/** First words of Redis' error replies. */
const REPLIES: Readonly<Record<string, InfraErrorCode>> = {
  WRONGTYPE: 'FAILED_PRECONDITION',
  EXECABORT: 'ABORTED',
  NOAUTH: 'PERMISSION_DENIED',
  WRONGPASS: 'PERMISSION_DENIED',
  NOPERM: 'PERMISSION_DENIED',
  OOM: 'RESOURCE_EXHAUSTED',
  READONLY: 'UNAVAILABLE',
  LOADING: 'UNAVAILABLE',
  BUSY: 'UNAVAILABLE',
  MASTERDOWN: 'UNAVAILABLE',
  NOREPLICAS: 'UNAVAILABLE',
  CLUSTERDOWN: 'UNAVAILABLE',
  TRYAGAIN: 'UNAVAILABLE',
  MOVED: 'UNAVAILABLE',
  ASK: 'UNAVAILABLE',
};

/** Replies without a word of their own. */
const ERR_TEXTS: readonly (readonly [RegExp, InfraErrorCode])[] = [
  [/would overflow/, 'DATA_LOSS'],
  [/not an integer|not a number|WRONGTYPE/, 'FAILED_PRECONDITION'],
  [/cluster support disabled/, 'FAILED_PRECONDITION'],
  [/max number of clients/, 'UNAVAILABLE'],
  [/invalid password|AUTH/, 'PERMISSION_DENIED'],
];

/** How ioredis says that the connection is gone; it has no codes for it. */
const GONE =
  /^(Connection is closed|Stream isn't writeable|Command aborted due to connection close|All sentinels are unreachable)/;

/**
 * ioredis hangs the whole command on its error, the password of an AUTH and the value of a SET among the arguments:
 * nothing for a log.
 */
export function withoutCommand(error: unknown): unknown {
  if (error instanceof Error) Reflect.deleteProperty(error, 'command');
  return error;
}

export function isReply(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

export function replyWord(error: unknown): string | undefined {
  return isReply(error) ? error.message.split(' ', 1)[0] : undefined;
}

/** What an error of this driver means; undefined for system errors, which everyone reads alike. */
export function codeOfRedisError(error: unknown): InfraErrorCode | undefined {
  if (isInfraError(error)) return error.code;
  if (error instanceof RedisAwayError)
    return codeOfRedisError(error.cause) === 'PERMISSION_DENIED' ? 'PERMISSION_DENIED' : 'UNAVAILABLE';
  if (isReply(error)) {
    const known = REPLIES[replyWord(error) ?? ''];
    return known ?? ERR_TEXTS.find(([text]) => text.test(error.message))?.[1] ?? 'INTERNAL';
  }
  return error instanceof Error && GONE.test(error.message) ? 'UNAVAILABLE' : undefined;
}
