import { lazyCounter } from './instruments.js';

/** The OpenTelemetry instrumentation scope of this package. */
export const KERNEL_SCOPE = '@infra-kit/kernel';

/** Configuration documents taken or turned down while running. Labels: component, instance, outcome: applied | refused. */
export const CONFIG_RELOADS = 'infra.config.reloads';

export const reloads = lazyCounter(KERNEL_SCOPE, CONFIG_RELOADS, { unit: '{document}' });
