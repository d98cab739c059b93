import { ConfigError, type ReloadTarget } from '@infra-kit/kernel';

export interface Level {
  readonly level: number;
}

export function parseLevel(document: unknown): Level {
  const level: unknown = Reflect.get(Object(document), 'level');
  if (typeof level !== 'number')
    throw new ConfigError('clog', ['level: must be a number', 'more: unknown field']);
  return { level };
}

/** A component that takes a level; what it applies goes to `applied`. */
export function levelTarget(applied: number[], more: Partial<ReloadTarget<Level>> = {}): ReloadTarget<Level> {
  return {
    component: 'clog',
    instance: 'default',
    parse: parseLevel,
    apply: ({ level }) => void applied.push(level),
    ...more,
  };
}
