import { InfraContext, isInfraError, withDeadline, type CallOptions } from '@infra-kit/kernel';
import { coordError, shown } from '../coord.errors.js';
import { lostCounter } from '../coord.telemetry.js';
import type { CoordEngine } from '../operations/coord-engine.js';
import { checkMetadata, writeGoodbye, writeRecord } from './instance-record.js';
import type { ServiceInstance } from './service-instance.js';
import type { Registration } from './service-registry.js';

/** Renewals a ttl. */
const RENEWALS = 3;
const RETRY_MS = 1000;
/** A fleet that lost its leases together does not come back in one instant. */
const JITTER_MS = 500;
const GOODBYE_MS = 2000;

/** One instance and its lease: renewed, had anew when it is lost, ended by `unregister`. */
export class LeasedRegistration implements Registration {
  readonly #engine: CoordEngine;
  readonly #key: string;
  readonly #ttlMs: number;
  readonly #stop = new AbortController();
  #instance: ServiceInstance;
  #lease: string | undefined;
  /** That wrote our record last. */
  #revision = 0n;
  /** The end of the step before: steps of one registration are taken one after another. */
  #turn: Promise<unknown> = Promise.resolve();
  #closer: Disposable | undefined;
  #left = false;

  constructor(engine: CoordEngine, instance: ServiceInstance, ttlMs: number) {
    this.#engine = engine;
    this.#instance = instance;
    this.#ttlMs = ttlMs;
    this.#key = `${engine.keys.root('registry')}/${instance.service}/${instance.id}`;
  }

  get instance(): ServiceInstance {
    return this.#instance;
  }

  async start(options: CallOptions): Promise<this> {
    await this.#join(this.#instance, options);
    void InfraContext.detach(() => this.#keep());
    this.#closer = this.#engine.stack.push({
      name: `${this.#engine.place.label} registration ${this.#instance.service}/${this.#instance.id}`,
      phase: 'deregister',
      close: () => this.#leaveAtShutdown(),
    });
    return this;
  }

  async update(metadata: Readonly<Record<string, string>>, options: CallOptions = {}): Promise<void> {
    const { place, runner } = this.#engine;
    runner.checkOpen();
    const instance = { ...this.#instance, metadata: checkMetadata(place, metadata) };
    await this.#inTurn(options, 'update', async (signal) => {
      if (this.#stop.signal.aborted)
        throw coordError(
          place,
          'FAILED_PRECONDITION',
          `the instance ${shown(instance.id)} is not registered any more; register it again`,
        );
      try {
        await this.#put(instance, { signal });
      } catch (error) {
        if (!isGone(error)) throw error;
        await this.#join(instance, { signal });
      }
      this.#instance = instance;
    });
  }

  async unregister(options: CallOptions = {}): Promise<void> {
    this.#stop.abort();
    this.#closer?.[Symbol.dispose]();
    await this.#inTurn(options, 'unregister', (signal) => this.#leave({ signal }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.unregister();
  }

  /** The record goes by itself when its lease ends: a store that is away does not hold a shutdown up. */
  async #leaveAtShutdown(): Promise<void> {
    try {
      await this.unregister({ timeoutMs: GOODBYE_MS });
    } catch (error) {
      this.#engine.logger.warn('could not leave the registry: the record goes when its lease ends', {
        service: this.#instance.service,
        ttlMs: this.#ttlMs,
        err: error,
      });
    }
  }

  async #leave(limits: CallOptions): Promise<void> {
    const lease = this.#lease;
    if (this.#left || lease === undefined) return;
    await this.#sayGoodbye(lease, limits);
    const { runner, driver } = this.#engine;
    try {
      await runner.run('revoke', limits, (call) => driver.revoke(lease, call));
    } catch (error) {
      if (!isGone(error)) throw error;
    }
    this.#left = true;
  }

  /** Tells watchers that do not believe in a record's mere absence just now; only while the record is ours. */
  async #sayGoodbye(lease: string, limits: CallOptions): Promise<void> {
    const { runner, driver, logger } = this.#engine;
    const value = writeGoodbye({ instance: this.#instance, ttlMs: this.#ttlMs });
    const compare = [{ key: this.#key, target: 'mod', is: '=', to: this.#revision }] as const;
    const success = [{ kind: 'put', key: this.#key, value, lease }] as const;
    try {
      await runner.run('txn', limits, (call) => driver.txn({ compare, success }, call));
    } catch (error) {
      logger.debug('no goodbye was said', { service: this.#instance.service, err: error });
    }
  }

  async #keep(): Promise<void> {
    const { clock, logger, runner, driver } = this.#engine;
    const { signal } = this.#stop;
    const everyMs = this.#ttlMs / RENEWALS;
    let failing = false;
    while (!signal.aborted) {
      const pauseMs = failing ? Math.min(everyMs, RETRY_MS) * (0.5 + Math.random() / 2) : everyMs;
      await clock.sleep(pauseMs, signal).catch(() => undefined);
      const lease = this.#lease;
      if (signal.aborted || lease === undefined) continue;
      try {
        await this.#inTurn({ signal }, 'renew', async (limit) => {
          await runner.run('keepAlive', { signal: limit }, (call) => driver.keepAlive(lease, call));
          await this.#putIfGone({ signal: limit });
        });
        failing = false;
      } catch (error) {
        if (runner.closed) return;
        if (lease !== this.#lease || signal.aborted) continue;
        if (isGone(error)) await this.#rejoin();
        else if (!failing)
          logger.warn('a registration is not renewed, trying on', { ...this.#facts(), err: error });
        failing = !isGone(error);
      }
    }
  }

  async #rejoin(): Promise<void> {
    const { clock, logger, place, runner } = this.#engine;
    const { signal } = this.#stop;
    lostCounter.add(1, { coord: place.name, kind: 'registration' });
    logger.warn('the lease of a registration is lost, registering again', this.#facts());
    let pauseMs = Math.random() * JITTER_MS;
    while (!signal.aborted && !runner.closed) {
      await clock.sleep(pauseMs, signal).catch(() => undefined);
      try {
        await this.#inTurn({ signal }, 'register', (limit) => this.#join(this.#instance, { signal: limit }));
        logger.info('registered again', this.#facts());
        return;
      } catch (error) {
        if (!signal.aborted) logger.warn('not registered again yet', { ...this.#facts(), err: error });
        pauseMs = RETRY_MS * (0.5 + Math.random() / 2);
      }
    }
  }

  #facts(): object {
    return { service: this.#instance.service, id: this.#instance.id };
  }

  async #join(instance: ServiceInstance, limits: CallOptions): Promise<void> {
    const { runner, driver } = this.#engine;
    const { id } = await runner.run('grant', limits, (call) => driver.grant(this.#ttlMs, call));
    this.#lease = id;
    try {
      await this.#put(instance, limits);
    } catch (error) {
      // it may have been applied
      void InfraContext.detach(() =>
        runner.run('revoke', undefined, (call) => driver.revoke(id, call)).catch(() => undefined),
      );
      throw error;
    }
  }

  async #put(instance: ServiceInstance, limits: CallOptions): Promise<void> {
    const { runner, driver } = this.#engine;
    const value = writeRecord({ instance, ttlMs: this.#ttlMs });
    const success = [{ kind: 'put', key: this.#key, value, lease: this.#lease }] as const;
    const { revision } = await runner.run('txn', limits, (call) => driver.txn({ success }, call));
    this.#revision = revision;
  }

  /** Another registration of our id may have taken the record's place, and have ended since: its end took it away. */
  async #putIfGone(limits: CallOptions): Promise<void> {
    const { runner, driver, logger } = this.#engine;
    const value = writeRecord({ instance: this.#instance, ttlMs: this.#ttlMs });
    const compare = [{ key: this.#key, target: 'create', is: '=', to: 0n }] as const;
    const success = [{ kind: 'put', key: this.#key, value, lease: this.#lease }] as const;
    const { succeeded, revision } = await runner.run('txn', limits, (call) =>
      driver.txn({ compare, success }, call),
    );
    if (!succeeded) return;
    this.#revision = revision;
    logger.warn('the record of a registration was gone, and is written again', this.#facts());
  }

  #inTurn<T>(options: CallOptions, step: string, take: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { place, settings } = this.#engine;
    return withDeadline(options, 2 * settings().requestTimeoutMs, `${place.label}.${step}`, (signal) => {
      const taken = this.#turn.then(() => take(signal));
      this.#turn = taken.catch(() => undefined);
      return taken;
    });
  }
}

/** The store does not know the lease any more. */
function isGone(error: unknown): boolean {
  return isInfraError(error) && error.code === 'NOT_FOUND';
}
