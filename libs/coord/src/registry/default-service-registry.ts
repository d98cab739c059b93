import { InfraContext, type CallOptions } from '@infra-kit/kernel';
import { coordError, invalidArgument, shown } from '../coord.errors.js';
import type { CoordEngine } from '../operations/coord-engine.js';
import { endable } from '../operations/endable.js';
import { mayPass } from '../operations/may-pass.js';
import { checkInstance } from './instance-record.js';
import { LeasedRegistration } from './leased-registration.js';
import type { PickStrategy } from './picker.js';
import type { ServiceInstance } from './service-instance.js';
import {
  ServiceRegistry,
  type PickedInstance,
  type PickServiceOptions,
  type RegisterOptions,
  type Registration,
  type WatchServiceOptions,
} from './service-registry.js';
import { ServiceView } from './service-view.js';

const DEFAULT_TTL_MS = 15_000;
const LEAST_TTL_MS = 1000;
const LONGEST_MS = 2 ** 31 - 1;
const STRATEGIES: readonly PickStrategy[] = ['round-robin', 'random', 'least-pending', 'consistent-hash'];

/** The registry over any driver. */
export class DefaultServiceRegistry extends ServiceRegistry {
  readonly #engine: CoordEngine;
  readonly #views = new Map<string, ServiceView>();
  readonly #closing = new AbortController();

  constructor(engine: CoordEngine) {
    super();
    this.#engine = engine;
    engine.stack.push({
      name: `${engine.place.label} registry`,
      phase: 'connections',
      close: () => this.#closing.abort(),
    });
  }

  override async register(instance: ServiceInstance, options: RegisterOptions = {}): Promise<Registration> {
    const { place, keys, runner } = this.#engine;
    runner.checkOpen();
    const checked = checkInstance(place, keys, instance);
    const { ttlMs = DEFAULT_TTL_MS, ...limits } = options;
    if (!Number.isInteger(ttlMs) || ttlMs < LEAST_TTL_MS || ttlMs > LONGEST_MS)
      throw invalidArgument(
        place,
        `ttlMs must be whole milliseconds from ${LEAST_TTL_MS} on, got ${shown(ttlMs)}`,
      );
    return new LeasedRegistration(this.#engine, checked, ttlMs).start(limits);
  }

  override async discover(service: string, options?: CallOptions): Promise<ServiceInstance[]> {
    const view = this.#view(service);
    await this.#ask(view, options);
    return [...view.instances];
  }

  override watch(
    service: string,
    options: WatchServiceOptions = {},
  ): AsyncIterableIterator<ServiceInstance[]> {
    const view = (): ServiceView => this.#view(service);
    return endable([this.#closing.signal, options.signal], async function* (until) {
      yield* view().lists(until);
    });
  }

  override async pick(service: string, options: PickServiceOptions = {}): Promise<PickedInstance> {
    const { strategy = 'round-robin', hashKey, zone, ...limits } = options;
    const view = this.#view(service);
    this.#checkPick(strategy, hashKey);
    const request = { strategy, hashKey: hashKey ?? '', zone };
    let chosen = view.picker.pick(view.instances, request);
    if (chosen === undefined) {
      await this.#ask(view, limits); // the watch may be a moment behind
      chosen = view.picker.pick(view.instances, request);
    }
    if (chosen === undefined)
      throw coordError(
        this.#engine.place,
        'UNAVAILABLE',
        `no instance of ${shown(service)} takes calls; is it started, and registered under this prefix?`,
      );
    return picked(chosen, strategy === 'least-pending' ? view.picker.began(chosen.id) : () => undefined);
  }

  /** While the store is away, what is known stands. */
  async #ask(view: ServiceView, limits: CallOptions | undefined): Promise<void> {
    try {
      await view.refresh(limits);
    } catch (error) {
      if (!view.known || !mayPass(error)) throw error;
    }
  }

  #checkPick(strategy: PickStrategy, hashKey: unknown): void {
    const { place } = this.#engine;
    if (!STRATEGIES.includes(strategy))
      throw invalidArgument(
        place,
        `strategy must be one of ${STRATEGIES.join(', ')}, got ${shown(strategy)}`,
      );
    if (strategy === 'consistent-hash' && (typeof hashKey !== 'string' || hashKey === ''))
      throw invalidArgument(place, `hashKey must be a text for consistent-hash, got ${shown(hashKey)}`);
  }

  #view(service: string): ServiceView {
    const { runner, keys } = this.#engine;
    runner.checkOpen();
    const name = keys.segment(service, 'service');
    const present = this.#views.get(name);
    if (present !== undefined) return present;
    const view = new ServiceView(this.#engine, name);
    this.#views.set(name, view);
    void InfraContext.detach(async () => {
      const ended = await view.follow(this.#closing.signal);
      if (!ended && this.#views.get(name) === view) this.#views.delete(name);
    });
    return view;
  }
}

function picked(instance: ServiceInstance, done: () => void): PickedInstance {
  const hidden = { value: done, enumerable: false };
  return Object.defineProperties(
    { ...instance },
    { done: hidden, [Symbol.dispose]: hidden },
  ) as PickedInstance;
}
