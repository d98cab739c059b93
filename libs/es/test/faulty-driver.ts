import {
  createEs,
  EsRefusal,
  MemoryEsDriver,
  type EsDriver,
  type EsOptions,
  type EsProvider,
} from '@infra-kit/es';
import { NestLogger, ReloadRegistry, SystemClock } from '@infra-kit/kernel';
import { faulty, type Faulty } from '@infra-kit/kernel/testing';

const CALLS: readonly (keyof EsDriver)[] = [
  'ping',
  'index',
  'get',
  'update',
  'delete',
  'search',
  'bulk',
  'lookUp',
  'states',
];

export interface FaultyEs {
  readonly es: EsProvider;
  readonly faults: Faulty<EsDriver>;
  /** Every call fails: the cluster is away and has done nothing. */
  readonly cut: (nothingDone?: boolean) => void;
  readonly hang: () => void;
  readonly offer: (value: unknown) => Promise<object | undefined>;
}

/** An es in memory whose cluster can be taken away. */
export async function faultyEs(options: EsOptions = {}, name?: string): Promise<FaultyEs> {
  const memory = new MemoryEsDriver();
  let nothingDone = true;
  const failureOf = memory.failureOf.bind(memory);
  memory.failureOf = (error) => ({ ...failureOf(error), ...(isAway(error) && { nothingDone, status: 0 }) });
  const faults = faulty<EsDriver>(memory);
  const reload = new ReloadRegistry({ logger: new NestLogger(), clock: new SystemClock() });
  const es = await createEs({ driver: faults.driver, ...options }, { env: 'test', reload, name });
  let revision = 0n;
  return {
    es,
    faults,
    cut: (nothing = true) => {
      nothingDone = nothing;
      faults.fail(() => new EsRefusal('UNAVAILABLE', 'the cluster is away'), CALLS);
    },
    hang: () => faults.hang(CALLS),
    offer: (value) => reload.offer('es', name ?? 'default', { revision: ++revision, value }),
  };
}

const isAway = (error: unknown): boolean => error instanceof EsRefusal && error.code === 'UNAVAILABLE';
