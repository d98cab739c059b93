import { InfraError, isInfraError } from '../errors/infra-error.js';

/** A configuration that was refused. INVALID_ARGUMENT; `problems` names every bad field, one sentence each. */
export class ConfigError extends InfraError {
  static {
    this.prototype.name = 'ConfigError';
  }

  readonly problems: readonly string[];

  constructor(component: string, problems: readonly string[], instance?: string) {
    const where = instance === undefined || instance === 'default' ? component : `${component}(${instance})`;
    super(
      'INVALID_ARGUMENT',
      `${where}: invalid configuration\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
      { component, instance },
    );
    this.problems = problems;
  }
}

export function isConfigError(error: unknown): error is ConfigError {
  return isInfraError(error) && Array.isArray(Reflect.get(error, 'problems'));
}
