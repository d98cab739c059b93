import { Inject, type InjectionToken } from '@nestjs/common';
import { instanceToken } from '@infra-kit/kernel';
import { MetricsProvider } from './metrics.provider.js';

/** The injection token of a metrics: the abstract class, or a symbol of the instance's name. */
export function getMetricsToken(name?: string): InjectionToken {
  return instanceToken('metrics', MetricsProvider, name);
}

/** Injects a metrics by name. Without a name the type alone does: `constructor(metrics: MetricsProvider)`. */
export function InjectMetrics(name?: string): ParameterDecorator & PropertyDecorator {
  return Inject(getMetricsToken(name));
}
