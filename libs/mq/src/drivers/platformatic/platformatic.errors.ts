import { isInfraError, messageOf, type InfraErrorCode } from '@infra-kit/kernel';

/** What the names of Kafka's own errors mean; those that are not here pass, and are UNAVAILABLE. */
const CODES: Readonly<Record<string, InfraErrorCode>> = {
  UNKNOWN_TOPIC_OR_PARTITION: 'NOT_FOUND',
  UNKNOWN_TOPIC_ID: 'NOT_FOUND',
  GROUP_ID_NOT_FOUND: 'NOT_FOUND',
  TOPIC_ALREADY_EXISTS: 'ALREADY_EXISTS',
  MESSAGE_TOO_LARGE: 'INVALID_ARGUMENT',
  RECORD_LIST_TOO_LARGE: 'INVALID_ARGUMENT',
  INVALID_TOPIC_EXCEPTION: 'INVALID_ARGUMENT',
  INVALID_PARTITIONS: 'INVALID_ARGUMENT',
  INVALID_REPLICATION_FACTOR: 'INVALID_ARGUMENT',
  INVALID_REPLICA_ASSIGNMENT: 'INVALID_ARGUMENT',
  INVALID_CONFIG: 'INVALID_ARGUMENT',
  INVALID_REQUEST: 'INVALID_ARGUMENT',
  INVALID_GROUP_ID: 'INVALID_ARGUMENT',
  INVALID_SESSION_TIMEOUT: 'INVALID_ARGUMENT',
  INVALID_TIMESTAMP: 'INVALID_ARGUMENT',
  INVALID_RECORD: 'INVALID_ARGUMENT',
  INVALID_COMMIT_OFFSET_SIZE: 'INVALID_ARGUMENT',
  POLICY_VIOLATION: 'INVALID_ARGUMENT',
  TOPIC_AUTHORIZATION_FAILED: 'PERMISSION_DENIED',
  GROUP_AUTHORIZATION_FAILED: 'PERMISSION_DENIED',
  CLUSTER_AUTHORIZATION_FAILED: 'PERMISSION_DENIED',
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: 'PERMISSION_DENIED',
  SASL_AUTHENTICATION_FAILED: 'PERMISSION_DENIED',
  UNSUPPORTED_SASL_MECHANISM: 'PERMISSION_DENIED',
  ILLEGAL_SASL_STATE: 'PERMISSION_DENIED',
  UNKNOWN_MEMBER_ID: 'ABORTED',
  ILLEGAL_GENERATION: 'ABORTED',
  REBALANCE_IN_PROGRESS: 'ABORTED',
  FENCED_INSTANCE_ID: 'ABORTED',
  NON_EMPTY_GROUP: 'FAILED_PRECONDITION',
  INCONSISTENT_GROUP_PROTOCOL: 'FAILED_PRECONDITION',
  GROUP_MAX_SIZE_REACHED: 'RESOURCE_EXHAUSTED',
  THROTTLING_QUOTA_EXCEEDED: 'RESOURCE_EXHAUSTED',
  CORRUPT_MESSAGE: 'DATA_LOSS',
  UNSUPPORTED_VERSION: 'UNIMPLEMENTED',
  UNSUPPORTED_COMPRESSION_TYPE: 'UNIMPLEMENTED',
  REQUEST_TIMED_OUT: 'DEADLINE_EXCEEDED',
};

/** Members of a group that learn one of these have lost their partitions, or are about to. */
const REJOIN = new Set([
  'REBALANCE_IN_PROGRESS',
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'MEMBER_ID_REQUIRED',
]);

const text = (error: unknown, member: string): string | undefined => {
  const value: unknown = Reflect.get(Object(error), member);
  return typeof value === 'string' ? value : undefined;
};

/** An error and all below it: the parts of aggregates, and causes. The client nests both. */
function* within(error: unknown, depth = 0): Generator<unknown> {
  if (typeof error !== 'object' || error === null || depth > 8) return;
  yield error;
  if (error instanceof AggregateError) for (const part of error.errors) yield* within(part, depth + 1);
  if (error instanceof Error) yield* within(error.cause, depth + 1);
}

/** The name of Kafka's error, as REBALANCE_IN_PROGRESS, when the server has answered one. */
export function kafkaErrorOf(error: unknown): string | undefined {
  for (const each of within(error)) {
    const id = text(each, 'apiId');
    if (id !== undefined) return id;
  }
  return undefined;
}

/** The id that a group gives with its refusal of a member without one. */
export function memberIdOf(error: unknown): string | undefined {
  for (const each of within(error)) {
    const id = text(each, 'memberId');
    if (id !== undefined && id !== '') return id;
  }
  return undefined;
}

export const needsRejoin = (error: unknown): boolean => REJOIN.has(kafkaErrorOf(error) ?? '');

function codeOfOne(error: unknown): InfraErrorCode | undefined {
  if (isInfraError(error)) return error.code;
  const id = text(error, 'apiId');
  if (id !== undefined)
    return CODES[id] ?? (Reflect.get(Object(error), 'canRetry') === true ? 'UNAVAILABLE' : 'INTERNAL');
  const message = text(error, 'message') ?? '';
  switch (text(error, 'code')) {
    case 'PLT_KFK_AUTHENTICATION':
      // a connection that ends in the middle of it is no answer about the password
      return [...within(error)].some((each) => text(each, 'code') === 'PLT_KFK_NETWORK')
        ? 'UNAVAILABLE'
        : 'PERMISSION_DENIED';
    case 'PLT_KFK_USER':
      if (message.startsWith('Unknown topic')) return 'NOT_FOUND';
      return /TLS|broker with node id|closed/i.test(message) ? 'UNAVAILABLE' : undefined;
    case 'PLT_KFK_NETWORK':
      return message === 'Request timed out' ? 'DEADLINE_EXCEEDED' : 'UNAVAILABLE';
    case 'PLT_KFK_UNSUPPORTED_API':
    case 'PLT_KFK_UNSUPPORTED_COMPRESSION':
    case 'PLT_KFK_UNSUPPORTED_FORMAT':
    case 'PLT_KFK_UNSUPPORTED':
      return 'UNIMPLEMENTED';
    default:
      return undefined;
  }
}

/** Of several meanings the most telling: a wrong password before the connection that failed for it. */
const WEAK: ReadonlySet<InfraErrorCode> = new Set(['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'INTERNAL']);

export function codeOf(error: unknown): InfraErrorCode | undefined {
  let weak: InfraErrorCode | undefined;
  for (const each of within(error)) {
    const code = codeOfOne(each);
    if (code !== undefined && !WEAK.has(code)) return code;
    weak = code ?? weak;
  }
  return weak;
}

/** Whether the same may go well a moment later: the network, an election, a coordinator that moves. */
export function isTransient(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'UNAVAILABLE' || code === 'DEADLINE_EXCEEDED';
}

/** Whether a server has answered at all. */
export const wasAnswered = (error: unknown): boolean => kafkaErrorOf(error) !== undefined;

/** The error with what its innermost causes say in its message: the client's own says 'produce failed 4 times'. */
export function telling(error: unknown): Error {
  const said = [...within(error)].map((each) => text(each, 'serverErrorMessage') ?? messageOf(each));
  const leaf = said.at(-1) ?? messageOf(error);
  const message =
    said.length < 2 || said[0]?.includes(leaf) === true ? messageOf(error) : `${said[0]} (${leaf})`;
  return new Error(message, { cause: error });
}
