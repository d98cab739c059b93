const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A partial document merged into a whole one: objects member by member, everything else replaced. */
export function merged(whole: unknown, partial: object): object {
  const result: Record<string, unknown> = { ...Object(whole) };
  for (const [name, value] of Object.entries(partial)) {
    const before = result[name];
    result[name] = isObject(before) && isObject(value) ? merged(before, value) : value;
  }
  return result;
}
