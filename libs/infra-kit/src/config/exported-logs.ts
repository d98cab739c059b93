import type { FactoryProvider } from '@nestjs/common';
import { ClogProvider } from '@infra-kit/clog';
import { MetricsProvider } from '@infra-kit/metrics';
import type { Instance } from './components.js';

const EXPORTED_LOGS = Symbol('infra-kit:exported-logs');

/** Where both are loaded, clog's lines also go where metrics sends logs, if it does. */
export function logsTo(loads: readonly Instance[]): FactoryProvider[] {
  const has = (wanted: Instance['component']): boolean =>
    loads.some(({ component, name }) => component === wanted && name === undefined);
  if (!has('clog') || !has('metrics')) return [];
  return [
    {
      provide: EXPORTED_LOGS,
      inject: [ClogProvider, MetricsProvider],
      useFactory: (clog: ClogProvider, metrics: MetricsProvider): null => {
        if (metrics.lines !== undefined) clog.copyTo(metrics.lines);
        return null;
      },
    },
  ];
}
