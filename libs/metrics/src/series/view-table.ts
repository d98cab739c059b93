import type { MetricOptions } from '@opentelemetry/api';
import type { ViewConfig } from '../metrics.config.js';
import type { LabelRule } from './label-bound.js';

/** What becomes of one instrument. */
export interface InstrumentPlan {
  readonly name: string;
  readonly options: MetricOptions;
  readonly labels: LabelRule;
}

function fits({ instrument, scope }: ViewConfig, name: string, meter: string): boolean {
  if (scope !== undefined && scope !== meter) return false;
  const pattern = instrument.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${pattern.join('.*')}$`).test(name);
}

const maxOf = (options: object): number => {
  const own: unknown = Reflect.get(options, 'maxCardinality');
  return typeof own === 'number' && own >= 1 ? own : Infinity;
};

/** The configured views, the first that fits an instrument deciding about it. */
export class ViewTable {
  readonly #views: readonly ViewConfig[];
  readonly #max: number;

  constructor(views: readonly ViewConfig[], maxCardinality: number) {
    this.#views = views;
    this.#max = maxCardinality;
  }

  /** Undefined: the instrument is left out. */
  planOf(meter: string, name: string, options: MetricOptions = {}): InstrumentPlan | undefined {
    const view = this.#views.find((each) => fits(each, name, meter));
    if (view?.drop === true) return undefined;
    const { description, buckets } = view ?? {};
    return {
      name: view?.name ?? name,
      options: {
        ...options,
        ...(description !== undefined && { description }),
        ...(buckets !== undefined && { advice: { explicitBucketBoundaries: buckets } }),
      },
      labels: { max: Math.min(view?.maxCardinality ?? this.#max, maxOf(options)), keep: view?.labels },
    };
  }
}
