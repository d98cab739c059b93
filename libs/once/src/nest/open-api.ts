import type { IdempotentOptions } from './uses.js';

/** Where @nestjs/swagger keeps the parameters of a route. */
const PARAMETERS = 'swagger/apiParameters';
const PATH = 'path';

/** Adds the header to the route's parameters; what the application says of it wins. */
export function documentKey(method: object, use: IdempotentOptions): void {
  if (use.key !== undefined || !Reflect.hasOwnMetadata(PATH, method)) return;
  const name = use.header ?? 'Idempotency-Key';
  const present = (Reflect.getMetadata(PARAMETERS, method) ?? []) as readonly { name?: unknown }[];
  if (present.some((one) => String(one.name).toLowerCase() === name.toLowerCase())) return;
  const described = {
    name,
    in: 'header',
    required: use.required ?? true,
    description: 'Unique to the request; the same with its retries',
    schema: { type: 'string', minLength: 1, maxLength: 255 },
  };
  Reflect.defineMetadata(PARAMETERS, [...present, described], method);
}
