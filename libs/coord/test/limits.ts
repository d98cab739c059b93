import { ConfigError } from '@infra-kit/kernel';

export interface Limits {
  readonly max: number;
}

/** The parser of a bound document; says all that is wrong with it. */
export function parse(raw: unknown): Limits {
  const max: unknown = Reflect.get(Object(raw), 'max');
  const burst: unknown = Reflect.get(Object(raw), 'burst') ?? 0;
  const problems = [
    ...(Number.isInteger(max) ? [] : ['max: must be a whole number']),
    ...(Number.isInteger(burst) ? [] : ['burst: must be a whole number']),
  ];
  if (problems.length > 0) throw new ConfigError('limits', problems);
  return { max: Number(max) };
}
