import type { ExecutionContext } from '@nestjs/common';
import type { RateLimitExceededError } from '../ratelimit.errors.js';

/** KafkaContext of @nestjs/microservices, known by what only it has: its package is not a dependency. */
function isKafka(context: ExecutionContext): boolean {
  if (context.getType<string>() !== 'rpc') return false;
  const of: unknown = context.getArgByIndex(1);
  return (
    typeof of === 'object' &&
    of !== null &&
    ['getTopic', 'getPartition', 'getConsumer', 'getHeartbeat'].every(
      (name) => typeof Reflect.get(of, name) === 'function',
    )
  );
}

/**
 * What a guard throws. A Kafka handler of @nestjs/microservices throws its KafkaRetriableException: the consumer keeps
 * the message and brings it again; any other error would count it as done.
 */
export async function refusalFor(context: ExecutionContext, refusal: RateLimitExceededError): Promise<Error> {
  if (!isKafka(context)) return refusal;
  const { KafkaRetriableException } = await import('@nestjs/microservices');
  return new KafkaRetriableException({ ...refusal.toJSON(), retryAfterMs: refusal.retryAfterMs });
}
