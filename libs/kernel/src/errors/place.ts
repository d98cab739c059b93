import { InfraError, type InfraErrorCode, type InfraErrorOptions } from './infra-error.js';

/** Which instance of a component speaks. */
export interface Place {
  readonly component: string;
  readonly name: string;
  /** For messages: `cache`, or `cache(sessions)`. */
  readonly label: string;
}

export function placeOf(component: string, name: string): Place {
  return { component, name, label: name === 'default' ? component : `${component}(${name})` };
}

/** An error that says where it is from: `<label>: <what>`. */
export function errorAt(
  { component, name, label }: Place,
  code: InfraErrorCode,
  what: string,
  options: InfraErrorOptions = {},
): InfraError {
  return new InfraError(code, `${label}: ${what}`, { component, instance: name, ...options });
}

export function invalidArgument(place: Place, what: string, cause?: unknown): InfraError {
  return errorAt(place, 'INVALID_ARGUMENT', what, { cause });
}

export function closedError(place: Place): InfraError {
  return errorAt(place, 'FAILED_PRECONDITION', 'it is closed; make a new one');
}

const LONGEST_SHOWN = 80;

/** A value for a message: quoted, short, never throwing. */
export function shown(value: unknown): string {
  if (typeof value === 'string')
    return JSON.stringify(value.length > LONGEST_SHOWN ? `${value.slice(0, LONGEST_SHOWN)}…` : value);
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}
