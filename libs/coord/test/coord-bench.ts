import {
  createCoord,
  MemoryCoordDriver,
  MemoryCoordStore,
  type CoordDriver,
  type CoordOptions,
  type CoordProvider,
} from '@infra-kit/coord';
import { faultyCoord, type FaultyCoord } from '@infra-kit/coord/testing';
import { LineLogger, type LogMethod } from '@infra-kit/kernel';
import { uniqueName } from '@infra-kit/testkit';

/** A store that several clients share. */
export interface CoordTarget {
  readonly name: string;
  readonly driver: () => CoordDriver | Promise<CoordDriver>;
  /** Compacts the store's history before `revision`. */
  readonly compact: (revision: bigint) => void | Promise<void>;
}

export function memoryTarget(): CoordTarget {
  const store = new MemoryCoordStore();
  return {
    name: 'memory',
    driver: () => new MemoryCoordDriver({ store }),
    compact: (revision) => store.compact(revision),
  };
}

export class CapturedLogger extends LineLogger {
  readonly lines: { readonly level: LogMethod; readonly message: string; readonly fields: object }[] = [];

  override namespace(): this {
    return this;
  }
  override with(): this {
    return this;
  }
  protected override write(level: LogMethod, message: string, fields: object = {}): void {
    this.lines.push({ level, message, fields });
  }
}

export interface Client {
  readonly coord: CoordProvider;
  readonly faults: FaultyCoord;
  readonly logger: CapturedLogger;
}

const ANY_TIME = { signal: new AbortController().signal };

/** Clients of one store under a prefix of their own. */
export class CoordBench implements AsyncDisposable {
  readonly prefix = `/${uniqueName('coord')}`;
  readonly #target: CoordTarget;
  readonly #closers: (() => Promise<void>)[] = [];

  constructor(target: CoordTarget) {
    this.#target = target;
  }

  async client(options: CoordOptions & { readonly away?: boolean } = {}): Promise<Client> {
    const { away = false, ...config } = options;
    const real = await this.#target.driver();
    const faults = faultyCoord(real);
    if (away) faults.cut();
    const logger = new CapturedLogger();
    this.#closers.push(() => real.close());
    const coord = await createCoord(
      { driver: faults.driver, prefix: this.prefix, ...config },
      { env: 'test', logger },
    );
    this.#closers.push(() => coord.close());
    return { coord, faults, logger };
  }

  /** Writes a key of the store as any tool would. */
  async put(key: string, value: string): Promise<bigint> {
    const { driver } = await this.#raw();
    const success = [{ kind: 'put', key: `${this.prefix}${key}`, value }] as const;
    return (await driver.txn({ success }, ANY_TIME)).revision;
  }

  /** Keys of the store, without the prefix. */
  async keys(below: string): Promise<string[]> {
    const { driver } = await this.#raw();
    const { kvs } = await driver.range({ prefix: `${this.prefix}${below}` }, ANY_TIME);
    return kvs.map(({ key }) => key.slice(this.prefix.length));
  }

  async driver(): Promise<CoordDriver> {
    return (await this.#raw()).driver;
  }

  async compact(): Promise<void> {
    // a write of its own, so that every revision before can go
    await this.#target.compact(await this.put('/compaction', String(Math.random())));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#closers.toReversed()) await close();
  }

  #tool: Promise<FaultyCoord> | undefined;
  #raw(): Promise<FaultyCoord> {
    this.#tool ??= (async () => {
      const driver = await this.#target.driver();
      await driver.connect();
      this.#closers.push(() => driver.close());
      return faultyCoord(driver);
    })();
    return this.#tool;
  }
}

/** Keeps what an iterable gives; `end` leaves it. */
export function collect<T>(source: AsyncIterableIterator<T>): {
  readonly items: T[];
  readonly done: Promise<unknown>;
  readonly end: () => Promise<void>;
} {
  const items: T[] = [];
  const done = (async () => {
    for await (const item of source) items.push(item);
  })().catch((error: unknown) => error);
  return {
    items,
    done,
    end: async () => {
      await source.return?.();
      await done;
    },
  };
}
