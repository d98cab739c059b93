import { inspect } from 'node:util';
import { InfraError, type InfraErrorCode, type InfraErrorOptions } from '@infra-kit/kernel';

/** Which instance speaks, for messages: `outbox`, or `outbox(orders)`. */
export interface OutboxPlace {
  readonly name: string;
  readonly label: string;
}

export function outboxPlace(name: string): OutboxPlace {
  return { name, label: name === 'default' ? 'outbox' : `outbox(${name})` };
}

const LONGEST_SHOWN = 80;

/** A value for a message: quoted, short, never throwing. */
export function shown(value: unknown): string {
  if (typeof value === 'string')
    return JSON.stringify(value.length > LONGEST_SHOWN ? `${value.slice(0, LONGEST_SHOWN)}…` : value);
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  return typeof value === 'function' ? 'a function' : inspect(value);
}

export function outboxError(
  place: OutboxPlace,
  code: InfraErrorCode,
  what: string,
  options: Pick<InfraErrorOptions, 'cause' | 'retryable'> = {},
): InfraError {
  return new InfraError(code, `${place.label}: ${what}`, {
    component: 'outbox',
    instance: place.name,
    ...options,
  });
}

export const invalidArgument = (place: OutboxPlace, what: string, cause?: unknown): InfraError =>
  outboxError(place, 'INVALID_ARGUMENT', what, { cause });

export const precondition = (place: OutboxPlace, what: string, cause?: unknown): InfraError =>
  outboxError(place, 'FAILED_PRECONDITION', what, { cause });

export const closedError = (place: OutboxPlace): InfraError =>
  precondition(place, 'it is closed; make a new one');
