import 'reflect-metadata';
import { plainToInstance, type ClassConstructor } from 'class-transformer';
import { validateSync, type ValidationError } from 'class-validator';
import { ConfigError } from './config-error.js';
import { durationText } from './duration.js';
import { redactUrl } from './environment.js';

export interface ConfigPlace {
  readonly component: string;
  readonly instance?: string | undefined;
}

const SECRET = /pass|secret|token|api_?key|credential|auth|^key$|^cert$|^ca$/i;
const SHOWN_CHARS = 60;

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' &&
  value !== null &&
  [Object.prototype, null].includes(Object.getPrototypeOf(value) as null);

const join = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`);

/** Copies plain data: durations in `…Ms` fields become numbers, undefined members go, nulls are noted as problems. */
function normalise(value: unknown, path: string, problems: string[]): unknown {
  if (Array.isArray(value)) return value.map((item, index) => normalise(item, `${path}[${index}]`, problems));
  if (!isPlain(value)) return value;
  const copy: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) {
    const at = join(path, key);
    if (member === undefined) continue;
    if (key === '__proto__') problems.push(`${at}: property __proto__ should not exist`);
    else if (member === null) problems.push(`${at}: must not be null; leave it out to use the default`);
    else if (typeof member === 'string' && key.endsWith('Ms')) copy[key] = durationText(member) ?? member;
    else copy[key] = normalise(member, at, problems);
  }
  return copy;
}

function shown(property: string, value: unknown): string {
  if (value === undefined) return '';
  if (SECRET.test(property)) return ' (value not shown)';
  if (typeof value === 'string' && value.includes('@')) return ` (got ${redactUrl(value)})`;
  if (typeof value === 'object' || typeof value === 'function') return '';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value as number | boolean | bigint);
  return ` (got ${text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}…` : text})`;
}

function flatten(errors: readonly ValidationError[], path = ''): string[] {
  return errors.flatMap((error) => {
    if (error.property === undefined) return [`${path}: unknown kind of object`];
    const at = /^\d+$/.test(error.property) ? `${path}[${error.property}]` : join(path, error.property);
    const own = Object.entries(error.constraints ?? {}).map(([rule, message]) =>
      rule === 'whitelistValidation'
        ? `${at}: unknown field`
        : `${at}: ${message}${shown(error.property, error.value)}`,
    );
    return [...own, ...flatten(error.children ?? [], at)];
  });
}

/**
 * Turns plain data into a validated instance of a class-validator class; defaults are the class's own initialisers.
 * Every bad, null and unknown field is named in one `ConfigError`; secrets are not quoted.
 * Live objects (clients, loggers, callbacks) do not belong in the data.
 */
export function parseConfig<T extends object>(
  cls: ClassConstructor<T>,
  input: unknown,
  place: ConfigPlace,
): T {
  const fail = (problems: readonly string[]): never => {
    throw new ConfigError(place.component, problems, place.instance);
  };
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    return fail(['expected an object of settings']);
  const problems: string[] = [];
  const plain = normalise({ ...input }, '', problems);
  const value = plainToInstance(cls, plain, { exposeDefaultValues: true });
  const errors = validateSync(value, {
    whitelist: true,
    forbidNonWhitelisted: true,
    forbidUnknownValues: true,
  });
  problems.push(...flatten(errors));
  return problems.length > 0 ? fail(problems) : value;
}
