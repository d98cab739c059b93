import { randomBytes } from 'node:crypto';
import { isInfraError, type Clock } from '@infra-kit/kernel';
import { createOnce, type OnceDependencies } from '../create-once.js';
import type { OnceConfigOptions } from '../once.config.js';
import type { OnceProvider, OnceStoreKind } from '../once.provider.js';

/** The two functions of any test runner: jest, vitest, node:test. */
export interface SuiteRunner {
  readonly describe: (name: string, body: () => void) => void;
  readonly it: (name: string, body: () => Promise<void>) => void;
}

export interface OnceSuiteTarget {
  readonly name: string;
  readonly store: OnceStoreKind;
  /** A store that the whole suite may share; asked once a test, closed with the test. It keeps to keys of its own making. */
  readonly open: () => Promise<OnceDependencies & { readonly close: () => Promise<void> }>;
  /** The clock of store and component, where a test can move it. */
  readonly clock?: Clock | undefined;
  /** Lets the store's time pass, where a test can; absent: the suite waits for the real one. */
  readonly passTime?: ((ms: number) => Promise<void>) | undefined;
  /** Calls run beside each other: not so in PGlite, which has one transaction at a time. Default true. */
  readonly concurrent?: boolean | undefined;
}

/** What a test of the suite works with. */
export interface Bench {
  readonly once: OnceProvider;
  readonly store: OnceStoreKind;
  readonly concurrent: boolean;
  /** A further instance on the same store, as another process of the service has it. */
  readonly another: (options?: OnceConfigOptions, service?: string) => Promise<OnceProvider>;
  /** A key no other test uses. */
  readonly key: (name?: string) => string;
  readonly passTime: (ms: number) => Promise<void>;
}

export type SuiteTest = (bench: Bench) => Promise<void>;

export const isCode =
  (code: string) =>
  (error: unknown): boolean =>
    isInfraError(error) && error.code === code;

/** How fast a store answers is not what the suite asks. */
const PATIENT = { storeTimeoutMs: 20_000 } as const;

/** An effect that can be counted, and kept waiting. */
export class Effect {
  count = 0;
  readonly #gate = Promise.withResolvers<void>();
  readonly #begun = Promise.withResolvers<void>();

  /** Resolves when it has begun. */
  get begun(): Promise<void> {
    return this.#begun.promise;
  }

  readonly atOnce = async (): Promise<number> => ++this.count;

  readonly held = async (): Promise<number> => {
    this.count++;
    this.#begun.resolve();
    await this.#gate.promise;
    return this.count;
  };

  finish(): void {
    this.#gate.resolve();
  }
}

/** Instances on a store, for the time of one test. */
export async function onTarget(target: OnceSuiteTarget, test: SuiteTest): Promise<void> {
  const { close, ...deps } = await target.open();
  const open: OnceProvider[] = [];
  const mine = randomBytes(6).toString('hex');
  let names = 0;
  try {
    const another = async (options?: OnceConfigOptions, service = 'suite'): Promise<OnceProvider> => {
      const made = await createOnce(
        { ...PATIENT, store: target.store, ...options },
        { ...deps, env: 'test', clock: target.clock, service },
      );
      open.push(made);
      return made;
    };
    await test({
      once: await another(),
      store: target.store,
      concurrent: target.concurrent ?? true,
      another,
      key: (name = 'key') => `${mine}:${name}:${names++}`,
      passTime: target.passTime ?? ((ms) => new Promise((resolve) => setTimeout(resolve, ms))),
    });
  } finally {
    await Promise.all(open.map((each) => each.close()));
    await close();
  }
}
