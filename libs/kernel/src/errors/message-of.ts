import { inspect } from 'node:util';

/**
 * The message of whatever was thrown; of an error without one (as Node's AggregateError) its code or name. Never throws:
 * a member that cannot be read is passed over.
 */
export function messageOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error);
  const said = ['message', 'code', 'name'].map((member) => memberOf(error, member));
  return said.find((text) => typeof text === 'string' && text !== '')?.toString() ?? inspected(error);
}

function memberOf(error: object, member: string): unknown {
  try {
    return Reflect.get(error, member);
  } catch {
    return undefined;
  }
}

function inspected(error: object): string {
  try {
    return inspect(error, { depth: 1 });
  } catch {
    return 'something that cannot be shown';
  }
}
