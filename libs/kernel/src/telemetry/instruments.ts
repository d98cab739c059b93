import {
  metrics,
  type Attributes,
  type Counter,
  type Histogram,
  type MeterProvider,
  type MetricOptions,
  type UpDownCounter,
} from '@opentelemetry/api';

/**
 * Instruments that follow the current MeterProvider: one obtained before the SDK has started would stay dead,
 * so the instrument is looked up again whenever the provider has changed. Safe at module level.
 */
function lazily<T>(create: (provider: MeterProvider) => T): () => T {
  let provider: MeterProvider | undefined;
  let instrument: T | undefined;
  return () => {
    const current = metrics.getMeterProvider();
    if (instrument === undefined || current !== provider) {
      provider = current;
      instrument = create(current);
    }
    return instrument;
  };
}

export function lazyCounter(scope: string, name: string, options?: MetricOptions): Pick<Counter, 'add'> {
  const get = lazily((provider) => provider.getMeter(scope).createCounter(name, options));
  return { add: (value: number, attributes?: Attributes) => get().add(value, attributes) };
}

export function lazyHistogram(
  scope: string,
  name: string,
  options?: MetricOptions,
): Pick<Histogram, 'record'> {
  const get = lazily((provider) => provider.getMeter(scope).createHistogram(name, options));
  return { record: (value: number, attributes?: Attributes) => get().record(value, attributes) };
}

export function lazyUpDownCounter(
  scope: string,
  name: string,
  options?: MetricOptions,
): Pick<UpDownCounter, 'add'> {
  const get = lazily((provider) => provider.getMeter(scope).createUpDownCounter(name, options));
  return { add: (value: number, attributes?: Attributes) => get().add(value, attributes) };
}
