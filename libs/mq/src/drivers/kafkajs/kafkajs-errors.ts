import type { InfraErrorCode } from '@infra-kit/kernel';

const BY_TYPE: Readonly<Record<string, InfraErrorCode>> = {
  TOPIC_ALREADY_EXISTS: 'ALREADY_EXISTS',
  UNKNOWN_TOPIC_OR_PARTITION: 'NOT_FOUND',
  INVALID_TOPIC_EXCEPTION: 'INVALID_ARGUMENT',
  INVALID_PARTITIONS: 'INVALID_ARGUMENT',
  INVALID_REPLICATION_FACTOR: 'INVALID_ARGUMENT',
  INVALID_CONFIG: 'INVALID_ARGUMENT',
  MESSAGE_TOO_LARGE: 'INVALID_ARGUMENT',
  RECORD_LIST_TOO_LARGE: 'INVALID_ARGUMENT',
  INVALID_GROUP_ID: 'INVALID_ARGUMENT',
  INVALID_SESSION_TIMEOUT: 'INVALID_ARGUMENT',
  TOPIC_AUTHORIZATION_FAILED: 'PERMISSION_DENIED',
  GROUP_AUTHORIZATION_FAILED: 'PERMISSION_DENIED',
  CLUSTER_AUTHORIZATION_FAILED: 'PERMISSION_DENIED',
  SASL_AUTHENTICATION_FAILED: 'PERMISSION_DENIED',
  ILLEGAL_SASL_STATE: 'PERMISSION_DENIED',
  UNSUPPORTED_SASL_MECHANISM: 'PERMISSION_DENIED',
  REQUEST_TIMED_OUT: 'DEADLINE_EXCEEDED',
  NON_EMPTY_GROUP: 'FAILED_PRECONDITION',
  ILLEGAL_GENERATION: 'ABORTED',
  UNKNOWN_MEMBER_ID: 'ABORTED',
  REBALANCE_IN_PROGRESS: 'ABORTED',
  FENCED_INSTANCE_ID: 'ABORTED',
};

const BY_NAME: Readonly<Record<string, InfraErrorCode>> = {
  KafkaJSRequestTimeoutError: 'DEADLINE_EXCEEDED',
  KafkaJSSASLAuthenticationError: 'PERMISSION_DENIED',
  KafkaJSNotImplemented: 'UNIMPLEMENTED',
  KafkaJSConnectionError: 'UNAVAILABLE',
  KafkaJSConnectionClosedError: 'UNAVAILABLE',
  KafkaJSBrokerNotFound: 'UNAVAILABLE',
  KafkaJSNoBrokerAvailableError: 'UNAVAILABLE',
  KafkaJSGroupCoordinatorNotFound: 'UNAVAILABLE',
  KafkaJSLockTimeout: 'DEADLINE_EXCEEDED',
};

interface KafkajsError {
  readonly name?: unknown;
  readonly type?: unknown;
  readonly retriable?: unknown;
  readonly cause?: unknown;
  readonly errors?: unknown;
}

/** An error and those it was made from, nearest first. */
function chain(error: unknown, depth = 0): KafkajsError[] {
  if (typeof error !== 'object' || error === null || depth > 5) return [];
  const of = error as KafkajsError;
  const inner = Array.isArray(of.errors) ? (of.errors as unknown[]) : [];
  return [of, ...[of.cause, ...inner].flatMap((each) => chain(each, depth + 1))];
}

/** What an error of kafkajs means: the first in its chain that says anything. */
export function codeOfKafkajs(error: unknown): InfraErrorCode | undefined {
  const errors = chain(error);
  for (const { name, type } of errors) {
    const code =
      (typeof type === 'string' ? BY_TYPE[type] : undefined) ??
      (typeof name === 'string' ? BY_NAME[name] : undefined);
    if (code !== undefined) return code;
  }
  const ours = errors.some(({ name }) => typeof name === 'string' && name.startsWith('KafkaJS'));
  if (!ours) return undefined;
  return errors.some(({ retriable }) => retriable === true) ? 'UNAVAILABLE' : 'INTERNAL';
}
