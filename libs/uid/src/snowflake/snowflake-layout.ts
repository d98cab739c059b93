import { InfraError } from '@infra-kit/kernel';
import type { SnowflakeParts } from '../uid.provider.js';

/** Twitter's snowflake: 41 bits of time, 10 of instance, 12 of sequence. */
export const LARGEST_INSTANCE_ID = 1023;
export const LAST_SEQUENCE = 4095;
/** The first offset from the epoch, in milliseconds, that 41 bits cannot hold. */
export const END_OF_TIME = 2 ** 41;

const LARGEST_SNOWFLAKE = (1n << 63n) - 1n;
const DIGITS = /^(?:0|[1-9]\d{0,18})$/;
const SHOWN_CHARS = 40;

/** The first id of a millisecond; the sequence is added to it. */
export function firstOf(offset: number, instanceId: number): bigint {
  return (BigInt(offset) << 22n) | (BigInt(instanceId) << 12n);
}

function refuse(id: unknown): never {
  const text = typeof id === 'string' ? JSON.stringify(id) : String(id as bigint | number);
  const shown = text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}…` : text;
  const hint =
    typeof id === 'number'
      ? 'a number loses precision beyond 2^53; keep the id as text (toString) in JSON'
      : 'expected a bigint or decimal digits, 0 to 2^63 - 1';
  throw new InfraError('INVALID_ARGUMENT', `uid: not a snowflake: ${shown} (${typeof id}); ${hint}`, {
    component: 'uid',
  });
}

function bitsOf(id: unknown): bigint {
  if (typeof id === 'string') return DIGITS.test(id) ? BigInt(id) : refuse(id);
  return typeof id === 'bigint' ? id : refuse(id);
}

export function parseSnowflake(id: unknown, epochMs: number): SnowflakeParts {
  const bits = bitsOf(id);
  if (bits < 0n || bits > LARGEST_SNOWFLAKE) refuse(id);
  return {
    timestamp: new Date(epochMs + Number(bits >> 22n)),
    instanceId: Number((bits >> 12n) & 1023n),
    sequence: Number(bits & 4095n),
  };
}
