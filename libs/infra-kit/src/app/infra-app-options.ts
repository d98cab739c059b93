import type { PipeTransform, ValidationPipeOptions, VersioningOptions } from '@nestjs/common';
import { ConfigError } from '@infra-kit/kernel';
import type { AdapterChoice } from './http-adapter.js';

export interface InfraAppOptions {
  /** Default 'express'. An adapter of the application's own is taken as it is. */
  readonly adapter?: AdapterChoice | undefined;
  /** Listens when given; 0 takes a free port. */
  readonly port?: number | undefined;
  /** Interface to listen on; default all. */
  readonly host?: string | undefined;
  /** Validation of request bodies: whitelist and transform, changed by these options; a pipe of yours; `false` for none. */
  readonly pipe?: ValidationPipeOptions | PipeTransform | false | undefined;
  readonly cors?: boolean | object | undefined;
  /** Global prefix of the routes; health stays outside. */
  readonly prefix?: string | undefined;
  readonly versioning?: VersioningOptions | undefined;
  /** Longest request body in bytes; longer ones are answered 413. */
  readonly bodyLimit?: number | undefined;
}

const KNOWN = ['adapter', 'port', 'host', 'pipe', 'cors', 'prefix', 'versioning', 'bodyLimit'];
const HIGHEST_PORT = 65_535;

const isWhole = (value: unknown, least: number, most: number): boolean =>
  value === undefined || (Number.isInteger(value) && Number(value) >= least && Number(value) <= most);

/** Refuses options that could not mean anything, all named in one ConfigError, before anything is made. */
export function checkAppOptions(options: InfraAppOptions): void {
  if (typeof options !== 'object' || options === null)
    throw new ConfigError('createInfraApp', ['takes an object of options behind the module']);
  const problems = Object.keys(options)
    .filter((key) => !KNOWN.includes(key))
    .map((key) => `${key}: unknown option; known are ${KNOWN.join(', ')}`);
  const { port, bodyLimit } = options;
  if (!isWhole(port, 0, HIGHEST_PORT))
    problems.push(`port: must be a whole number from 0 to ${HIGHEST_PORT} (got ${String(port)})`);
  if (!isWhole(bodyLimit, 1, Number.MAX_SAFE_INTEGER))
    problems.push(`bodyLimit: must be a whole number of bytes ≥ 1 (got ${String(bodyLimit)})`);
  if (problems.length > 0) throw new ConfigError('createInfraApp', problems);
}
