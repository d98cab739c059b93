import { isDeepStrictEqual } from 'node:util';
import { InfraContext, type CallOptions, type Timer } from '@infra-kit/kernel';
import type { KeyChange, Listing } from '../configuration/list-difference.js';
import type { DriverState } from '../drivers/coord-driver.js';
import type { CoordEngine } from '../operations/coord-engine.js';
import { followRange } from '../operations/range-follower.js';
import type { RangeNews } from '../operations/range-news.js';
import { readRecord } from './instance-record.js';
import { Picker } from './picker.js';
import { Roster } from './roster.js';
import type { Member, ServiceInstance } from './service-instance.js';

/** Who is believed to offer one service, kept up to date by one watch. */
export class ServiceView {
  readonly picker: Picker;
  readonly #engine: CoordEngine;
  readonly #service: string;
  readonly #prefix: string;
  readonly #roster = new Roster();
  readonly #waiting = new Set<() => void>();
  /** What has been taken in up to which revision of the store; undefined: nothing yet. */
  #revision: bigint | undefined;
  #instances: readonly ServiceInstance[] = [];
  #failure: unknown;
  /** The watch is not attached, after it was. */
  #interrupted = false;
  #timer: Timer | undefined;

  constructor(engine: CoordEngine, service: string) {
    this.#engine = engine;
    this.#service = service;
    this.#prefix = `${engine.keys.root('registry')}/${service}/`;
    this.picker = new Picker({ random: Math.random, now: () => engine.clock.monotonic() });
  }

  /** Whether the store has ever answered. */
  get known(): boolean {
    return this.#revision !== undefined;
  }

  /** In the order of their ids. */
  get instances(): readonly ServiceInstance[] {
    return this.#instances;
  }

  /** Follows the store until `signal` aborts; never rejects. False: it ended for another reason, which readers are told. */
  async follow(signal: AbortSignal): Promise<boolean> {
    using _ = this.#engine.driver.onState((state) => this.#turned(state));
    try {
      for await (const news of followRange(this.#engine, { prefix: this.#prefix }, { signal }))
        this.#hear(news);
      return true;
    } catch (error) {
      this.#failure = error;
      this.#engine.logger.error('a service is watched no longer', { service: this.#service, err: error });
      return false;
    } finally {
      this.#timer?.[Symbol.dispose]();
      this.#notify();
    }
  }

  /** Asks the store now. */
  async refresh(options: CallOptions | undefined): Promise<void> {
    const { runner, driver } = this.#engine;
    const { kvs, revision } = await runner.run('range', options, (call) =>
      driver.range({ prefix: this.#prefix }, call),
    );
    const entries = kvs.map(({ key, value, modRevision }) => ({ key, value, revision: modRevision }));
    if (this.#isNews(revision)) this.#list({ entries, revision });
    this.#publish();
  }

  /** First the present list, then each new one. */
  async *lists(signal: AbortSignal): AsyncGenerator<ServiceInstance[]> {
    let last: readonly ServiceInstance[] | undefined;
    while (!signal.aborted) {
      if (this.#failure !== undefined) throw this.#failure;
      const now = this.#instances;
      if (!this.known || isDeepStrictEqual(now, last)) await this.#change(signal);
      else yield [...(last = now)];
    }
  }

  #hear(news: RangeNews): void {
    if (news.type === 'interrupted') {
      this.#interrupted = true;
      this.#roster.disconnected();
    } else if (news.type === 'attached') {
      this.#interrupted = false;
      this.#connected();
    } else if (this.#isNews(news.revision)) {
      this.#revision = news.revision;
      if (news.listing) this.#list(news.listing);
      else for (const change of news.changes) this.#apply(change);
    }
    this.#publish();
  }

  /** A store that hangs ends leases, too, and its watches stay open meanwhile. */
  #turned(state: DriverState): void {
    if (state === 'down') this.#roster.disconnected();
    else this.#connected();
    this.#publish();
  }

  /** Both must be well again, calls and the watch. */
  #connected(): void {
    if (this.#interrupted || this.#engine.driver.state === 'down') return;
    this.#roster.connected(this.#engine.clock.monotonic());
  }

  #isNews(revision: bigint): boolean {
    return this.#revision === undefined || revision > this.#revision;
  }

  #list({ entries, revision }: Listing): void {
    this.#revision = revision;
    const members = entries.flatMap(({ key, value }) => this.#member(key, value) ?? []);
    this.#roster.listed(
      members.filter((member) => member !== 'leaving'),
      this.#engine.clock.monotonic(),
    );
  }

  #apply(change: KeyChange): void {
    const id = this.#idOf(change.key);
    if (change.type === 'delete') return this.#roster.vanished(id, this.#engine.clock.monotonic());
    const member = this.#member(change.key, change.value);
    if (member === 'leaving') this.#roster.left(id);
    else if (member !== undefined) this.#roster.joined(member);
  }

  #member(key: string, text: string): Member | 'leaving' | undefined {
    const record = readRecord(this.#service, this.#idOf(key), text);
    if (record === undefined) this.#engine.logger.warn('left out: a record that is no instance', { key });
    return record;
  }

  #idOf(key: string): string {
    return key.slice(this.#prefix.length);
  }

  #publish(): void {
    const now = this.#engine.clock.monotonic();
    this.#roster.settle(now);
    this.#timer?.[Symbol.dispose]();
    const at = this.#roster.settlesAt;
    if (at !== undefined) {
      this.#timer = InfraContext.detach(() => this.#engine.clock.setTimeout(() => this.#publish(), at - now));
      this.#timer.unref();
    }
    const instances = this.#roster.instances;
    if (this.known && !isDeepStrictEqual(instances, this.#instances)) {
      this.#instances = instances;
      this.picker.retain(new Set(instances.map(({ id }) => id)));
    }
    this.#notify();
  }

  #notify(): void {
    for (const wake of this.#waiting) wake();
  }

  async #change(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    const wake = (): void => resolve();
    signal.addEventListener('abort', wake);
    await promise;
    signal.removeEventListener('abort', wake);
    this.#waiting.delete(resolve);
  }
}
