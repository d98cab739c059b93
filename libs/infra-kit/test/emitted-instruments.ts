import { metrics, type Meter, type MeterProvider, type MetricOptions } from '@opentelemetry/api';
import { globSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../../..');

export interface Emitted {
  readonly scope: string;
  readonly kind: string;
  readonly name: string;
  readonly unit: string;
}

/** Told of each instrument that is made. */
class Noting {
  readonly made = new Map<string, Emitted>();

  readonly provider: MeterProvider = {
    getMeter: (scope) => {
      const note =
        (kind: string) =>
        (name: string, { unit = '' }: MetricOptions = {}) => {
          this.made.set(`${scope} ${name}`, { scope, kind, name, unit });
          return {
            add: () => undefined,
            record: () => undefined,
            addCallback: () => undefined,
            removeCallback: () => undefined,
          };
        };
      const meter = {
        createCounter: note('counter'),
        createUpDownCounter: note('up-down counter'),
        createHistogram: note('histogram'),
        createObservableGauge: note('gauge'),
        createObservableUpDownCounter: note('up-down counter'),
        addBatchObservableCallback: () => undefined,
        removeBatchObservableCallback: () => undefined,
      };
      return meter as unknown as Meter;
    },
  };
}

type Exports = Readonly<Record<string, unknown>>;
const call = (from: Exports, name: string, ...args: unknown[]): unknown =>
  Reflect.apply(from[name] as () => unknown, undefined, args);
const load = (file: string): Promise<Exports> => import(join(ROOT, 'libs', file)) as Promise<Exports>;

/** Instruments that a component keeps to itself, or makes when it begins to observe: how they come to be made. */
async function makeHidden(provider: MeterProvider): Promise<void> {
  const once = await load('once/src/once.telemetry.ts');
  call(once, 'countCall', 'default', 'cache', ['ran', 'first']);
  call(once, 'recordStoreCall', 'default', 'read', 'ok', 1);
  const { OutboxCounts } = await load('outbox/src/outbox.telemetry.ts');
  const counts = Reflect.construct(OutboxCounts as new () => object, ['default']) as Exports;
  for (const [method, ...args] of [
    ['published', 1],
    ['sent', 'orders', 1],
    ['failed', 'orders', false, 'INTERNAL'],
    ['handled', 'billing', true],
  ] as const)
    Reflect.apply(counts[method] as () => void, counts, args);
  const { BreakerMeter } = await load('breaker/src/breaker.telemetry.ts');
  Reflect.get(Reflect.construct(BreakerMeter as new () => object, [() => undefined]) as object, 'on');
  const { observeProcess } = await load('metrics/src/process/process-metrics.ts');
  call({ observeProcess }, 'observeProcess', provider);
  await load('metrics/src/http/traced-fetch.ts');
}

/** Made where they are used: the names are the sources', the rest is said here. */
const MADE_ELSEWHERE: readonly Emitted[] = [
  { scope: '@infra-kit/outbox', kind: 'gauge', name: 'infra.outbox.pending', unit: '{message}' },
  { scope: '@infra-kit/outbox', kind: 'gauge', name: 'infra.outbox.parked', unit: '{message}' },
  { scope: '@infra-kit/outbox', kind: 'gauge', name: 'infra.outbox.oldest_age', unit: 's' },
  {
    scope: '@infra-kit/db',
    kind: 'up-down counter',
    name: 'db.client.connection.count',
    unit: '{connection}',
  },
  { scope: '@infra-kit/db', kind: 'up-down counter', name: 'db.client.connection.max', unit: '{connection}' },
  {
    scope: '@infra-kit/db',
    kind: 'up-down counter',
    name: 'db.client.connection.pending_requests',
    unit: '{request}',
  },
  { scope: '@infra-kit/metrics', kind: 'histogram', name: 'http.server.request.duration', unit: 's' },
  { scope: '@infra-kit/metrics', kind: 'histogram', name: 'http.client.request.duration', unit: 's' },
  { scope: '@infra-kit/metrics', kind: 'histogram', name: 'infra.method.duration', unit: 's' },
  { scope: '@infra-kit/metrics', kind: 'counter', name: 'infra.method.calls', unit: '{call}' },
];

/** Every instrument of the suite, as its `*.telemetry.ts` files make them. */
export async function emittedInstruments(): Promise<readonly Emitted[]> {
  const noting = new Noting();
  metrics.disable();
  metrics.setGlobalMeterProvider(noting.provider);
  for (const file of globSync('libs/*/src/**/*.telemetry.ts', { cwd: ROOT })) {
    const exported = (await import(join(ROOT, file))) as Exports;
    for (const one of Object.values(exported))
      for (const method of ['add', 'record'])
        if (typeof Reflect.get(Object(one), method) === 'function')
          Reflect.apply(Reflect.get(Object(one), method) as () => void, one, [1]);
  }
  await makeHidden(noting.provider);
  metrics.disable();
  return [...noting.made.values(), ...MADE_ELSEWHERE].toSorted((a, b) =>
    `${a.scope} ${a.name}` < `${b.scope} ${b.name}` ? -1 : 1,
  );
}

/** The names of instruments that stand in `*.telemetry.ts` files, by the form in which they are written there. */
export async function declaredNames(): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for (const file of globSync('libs/*/src/**/*.telemetry.ts', { cwd: ROOT })) {
    const exported = (await import(join(ROOT, file))) as Exports;
    for (const [key, value] of Object.entries(exported)) {
      if (key.endsWith('_LABELS') || key.endsWith('_LABEL') || key.endsWith('_SCOPE')) continue;
      const values = key.endsWith('_METRICS') ? Object.values(Object(value) as object) : [value];
      for (const one of values) if (typeof one === 'string') names.add(one);
    }
  }
  return names;
}
