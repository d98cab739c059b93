import { InfraError, type InfraErrorCode, type InfraErrorOptions } from '@infra-kit/kernel';

/** Which es speaks, for messages: `es`, or `es(catalog)`. */
export interface EsPlace {
  readonly name: string;
  readonly label: string;
}

export function esPlace(name: string): EsPlace {
  return { name, label: name === 'default' ? 'es' : `es(${name})` };
}

const LONGEST_SHOWN = 80;

/** A value for a message: quoted, short, never throwing. */
export function shown(value: unknown): string {
  if (typeof value === 'string')
    return JSON.stringify(value.length > LONGEST_SHOWN ? `${value.slice(0, LONGEST_SHOWN)}…` : value);
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}

export function esError(
  place: EsPlace,
  code: InfraErrorCode,
  what: string,
  options: InfraErrorOptions = {},
): InfraError {
  return new InfraError(code, `${place.label}: ${what}`, {
    component: 'es',
    instance: place.name,
    ...options,
  });
}

export function invalidArgument(place: EsPlace, what: string): InfraError {
  return esError(place, 'INVALID_ARGUMENT', what);
}

export function closedError(place: EsPlace): InfraError {
  return esError(place, 'FAILED_PRECONDITION', 'it is closed; make a new one');
}
