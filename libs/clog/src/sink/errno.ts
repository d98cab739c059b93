/** The `code` of a system error, whichever realm made it. */
export function errnoOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null ? Reflect.get(error, 'code') : undefined;
}
