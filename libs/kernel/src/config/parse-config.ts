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

const SECRET = /pass|secret|token|api_?key|private_?key|credential|auth|^key$|^cert$|^ca$/i;
const INDEX = /^\d+$/;
const SHOWN_CHARS = 60;

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' &&
  value !== null &&
  [Object.prototype, null].includes(Object.getPrototypeOf(value) as null);

function join(path: string, key: string): string {
  if (INDEX.test(key)) return `${path}[${key}]`;
  return path === '' ? key : `${path}.${key}`;
}

/** Copies plain data: durations under `…Ms` become numbers, undefined members go, nulls are noted as problems. */
function normalise(value: unknown, path: string, problems: string[]): unknown {
  if (value === null) problems.push(`${path}: must not be null; leave it out to use the default`);
  if (typeof value === 'string') return /Ms(\[\d+\])?$/.test(path) ? (durationText(value) ?? value) : value;
  if (Array.isArray(value))
    return value.map((item, index) => normalise(item, join(path, `${index}`), problems));
  if (value instanceof Map) return normalise(Object.fromEntries(value), path, problems);
  if (!isPlain(value)) return value;
  const copy: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) {
    // class-transformer passes over names that every object has
    if (key in Object.prototype) problems.push(`${join(path, key)}: unknown field`);
    else if (member !== undefined) copy[key] = normalise(member, join(path, key), problems);
  }
  return copy;
}

function shown(value: unknown): string {
  if (value === undefined || typeof value === 'object' || typeof value === 'function') return '';
  if (typeof value !== 'string') return ` (got ${String(value as number | boolean | bigint | symbol)})`;
  if (value.includes('@') || value.includes('://')) return ` (got ${redactUrl(value)})`;
  return ` (got ${JSON.stringify(value.length > SHOWN_CHARS ? `${value.slice(0, SHOWN_CHARS)}…` : value)})`;
}

function sentences(errors: readonly ValidationError[], path: string, underSecret: boolean): string[] {
  return errors.flatMap(({ property, value, constraints = {}, children = [] }) => {
    if (property === undefined) return [`${path === '' ? 'configuration' : path}: unknown kind of object`];
    const at = join(path, property);
    const secret = SECRET.test(property) || (underSecret && INDEX.test(property));
    if (value === null) return []; // named already
    const own = Object.entries(constraints).map(([rule, message]) => {
      if (rule === 'whitelistValidation') return `${at}: unknown field`;
      return `${at}: ${message}${secret ? ' (value not shown)' : shown(value)}`;
    });
    return [...own, ...sentences(children, at, secret)];
  });
}

/**
 * Turns plain data into a validated instance of a class-validator class; defaults are the class's own initialisers.
 * A property that is
 * declared as `Map<…>`, with `@Type` for its values, takes an object of named entries. Every bad, null and unknown field is named
 * in one `ConfigError`; secrets are not quoted. Live objects (clients, loggers, callbacks) do not belong in the data.
 */
export function parseConfig<T extends object>(
  cls: ClassConstructor<T>,
  input: unknown,
  { component, instance }: ConfigPlace,
): T {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    throw new ConfigError(component, ['expected an object of settings'], instance);
  const problems: string[] = [];
  const plain = normalise({ ...input }, '', problems);
  const value = plainToInstance(cls, plain);
  const errors = validateSync(value, {
    whitelist: true,
    forbidNonWhitelisted: true,
    forbidUnknownValues: true,
  });
  problems.push(...sentences(errors, '', false));
  if (problems.length > 0) throw new ConfigError(component, problems, instance);
  return value;
}
