import { InfraError, type InfraErrorCode, type InfraErrorOptions } from '@infra-kit/kernel';

const labelOf = (instance: string): string => (instance === 'default' ? 'metrics' : `metrics(${instance})`);

export function metricsError(
  instance: string,
  code: InfraErrorCode,
  what: string,
  options: InfraErrorOptions = {},
): InfraError {
  return new InfraError(code, `${labelOf(instance)}: ${what}`, {
    component: 'metrics',
    instance,
    ...options,
  });
}

export function metricsClosed(instance: string): InfraError {
  return metricsError(instance, 'FAILED_PRECONDITION', 'it is closed; make a new one');
}

export function portTaken(instance: string, port: number, cause: unknown): InfraError {
  return metricsError(
    instance,
    'FAILED_PRECONDITION',
    `metrics.port ${port} cannot be opened; choose another, or leave it out to serve the page on the application's own`,
    { cause },
  );
}
