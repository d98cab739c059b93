import { describe, expect, it } from '@jest/globals';
import { InfraError } from '@infra-kit/kernel';
import {
  AuthenticationError,
  MultipleErrors,
  NetworkError,
  ProtocolError,
  TimeoutError,
  UserError,
} from '@platformatic/kafka';
import {
  codeOf,
  isTransient,
  needsRejoin,
  telling,
} from '../src/drivers/platformatic/platformatic.errors.js';

const refused = new NetworkError('Connection to 127.0.0.1:9092 failed.', {
  cause: new Error('connect ECONNREFUSED 127.0.0.1:9092'),
});
const many = (...errors: Error[]): Error => new MultipleErrors('produce failed 4 times.', errors);

describe('what an error of @platformatic/kafka means', () => {
  it.each([
    ['UNAVAILABLE', refused],
    ['UNAVAILABLE', many(refused, refused)],
    ['UNAVAILABLE', new ProtocolError('COORDINATOR_NOT_AVAILABLE')],
    ['UNAVAILABLE', new ProtocolError('NOT_ENOUGH_REPLICAS')],
    ['DEADLINE_EXCEEDED', new TimeoutError('Request timed out', { canRetry: true })],
    ['NOT_FOUND', new UserError('Unknown topic orders.')],
    ['NOT_FOUND', many(new ProtocolError('UNKNOWN_TOPIC_OR_PARTITION'))],
    ['ALREADY_EXISTS', many(new ProtocolError('TOPIC_ALREADY_EXISTS'))],
    ['INVALID_ARGUMENT', many(refused, new ProtocolError('MESSAGE_TOO_LARGE'))],
    ['PERMISSION_DENIED', new ProtocolError('TOPIC_AUTHORIZATION_FAILED')],
    [
      'PERMISSION_DENIED',
      new NetworkError('Connection failed.', {
        cause: new AuthenticationError('SASL authentication failed.', {
          cause: many(new ProtocolError('SASL_AUTHENTICATION_FAILED')),
        }),
      }),
    ],
    [
      'UNAVAILABLE',
      new NetworkError('Connection failed.', {
        cause: new AuthenticationError('Cannot find a suitable SASL mechanism.', { cause: refused }),
      }),
    ],
    ['ABORTED', many(new ProtocolError('ILLEGAL_GENERATION'))],
    ['DATA_LOSS', new ProtocolError('CORRUPT_MESSAGE')],
    ['FAILED_PRECONDITION', new InfraError('FAILED_PRECONDITION', 'the group has members')],
    [undefined, new TypeError('a bug')],
  ] as const)('%s', (code, error) => {
    expect(codeOf(error)).toBe(code);
    expect(codeOf(telling(error))).toBe(code);
  });

  it('is worth another try for the network and for elections, not for what the server refuses', () => {
    expect([refused, new ProtocolError('LEADER_NOT_AVAILABLE')].map(isTransient)).toEqual([true, true]);
    expect([new ProtocolError('INVALID_CONFIG'), new TypeError('a bug')].map(isTransient)).toEqual([
      false,
      false,
    ]);
  });

  it('is a rebalance where the group says so, inside of others as well', () => {
    expect(needsRejoin(many(new ProtocolError('REBALANCE_IN_PROGRESS')))).toBe(true);
    expect(needsRejoin(refused)).toBe(false);
  });

  it('is told with the innermost cause, which the client keeps to itself', () => {
    expect(telling(many(refused)).message).toBe(
      'produce failed 4 times. (connect ECONNREFUSED 127.0.0.1:9092)',
    );
    expect(telling(new Error('plain')).message).toBe('plain');
  });
});
