import { InfraError, type InfraErrorCode, type InfraErrorOptions } from '@infra-kit/kernel';

/** Which provider speaks, for messages: `mq`, or `mq(events)`. */
export interface MqPlace {
  readonly name: string;
  readonly label: string;
}

export function mqPlace(name: string): MqPlace {
  return { name, label: name === 'default' ? 'mq' : `mq(${name})` };
}

const LONGEST_SHOWN = 80;

/** A value for a message: quoted, short, never throwing. */
export function shown(value: unknown): string {
  if (typeof value === 'string')
    return JSON.stringify(value.length > LONGEST_SHOWN ? `${value.slice(0, LONGEST_SHOWN)}…` : value);
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}

export function mqError(
  place: MqPlace,
  code: InfraErrorCode,
  what: string,
  options: Pick<InfraErrorOptions, 'cause' | 'retryable'> = {},
): InfraError {
  return new InfraError(code, `${place.label}: ${what}`, {
    component: 'mq',
    instance: place.name,
    ...options,
  });
}

export function invalidArgument(place: MqPlace, what: string, cause?: unknown): InfraError {
  return mqError(place, 'INVALID_ARGUMENT', what, { cause });
}

export function closedError(place: MqPlace): InfraError {
  return mqError(place, 'FAILED_PRECONDITION', 'it is closed; make a new one');
}

export function checkGroup(place: MqPlace, group: unknown): void {
  if (typeof group !== 'string' || group === '')
    throw invalidArgument(place, `group must be a name, got ${shown(group)}`);
}
