import { InfraError, type InfraErrorCode, type InfraErrorOptions } from '@infra-kit/kernel';

/** Which coord speaks, for messages: `coord`, or `coord(orders)`. */
export interface CoordPlace {
  readonly name: string;
  readonly label: string;
}

export function coordPlace(name: string): CoordPlace {
  return { name, label: name === 'default' ? 'coord' : `coord(${name})` };
}

const LONGEST_SHOWN = 80;

/** A value for a message: quoted, short, never throwing. */
export function shown(value: unknown): string {
  if (typeof value === 'string')
    return JSON.stringify(value.length > LONGEST_SHOWN ? `${value.slice(0, LONGEST_SHOWN)}…` : value);
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}

export function coordError(
  place: CoordPlace,
  code: InfraErrorCode,
  what: string,
  options: InfraErrorOptions = {},
): InfraError {
  const origin = { component: 'coord', instance: place.name };
  return new InfraError(code, `${place.label}: ${what}`, { ...origin, ...options });
}

export function invalidArgument(place: CoordPlace, what: string): InfraError {
  return coordError(place, 'INVALID_ARGUMENT', what);
}

export function closedError(place: CoordPlace): InfraError {
  return coordError(place, 'FAILED_PRECONDITION', 'it is closed; make a new one');
}
