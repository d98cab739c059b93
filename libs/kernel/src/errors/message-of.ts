import { inspect } from 'node:util';

/** The message of whatever was thrown; of an error without one (as Node's AggregateError) its code or name. */
export function messageOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error);
  const said = ['message', 'code', 'name'].map((member): unknown => Reflect.get(error, member));
  return (
    said.find((text) => typeof text === 'string' && text !== '')?.toString() ?? inspect(error, { depth: 1 })
  );
}
