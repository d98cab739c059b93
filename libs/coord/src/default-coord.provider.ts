import { messageOf, type CallOptions, type HealthReport } from '@infra-kit/kernel';
import type { CoordParts } from './coord-parts.js';
import { CoordProvider } from './coord.provider.js';
import type { CoordEngine } from './operations/coord-engine.js';

const HEALTH_LIMIT_MS = 2000;

/** The front: the parts, and the life of the whole. */
export class DefaultCoordProvider extends CoordProvider {
  override readonly name: string;
  override readonly locks: CoordParts['locks'];
  override readonly elections: CoordParts['elections'];
  override readonly instanceIds: CoordParts['instanceIds'];
  override readonly registry: CoordParts['registry'];
  override readonly config: CoordParts['config'];
  readonly #engine: CoordEngine;
  readonly #closeEngine: () => Promise<void>;

  constructor(engine: CoordEngine, parts: CoordParts, closeEngine: () => Promise<void>) {
    super();
    this.name = engine.place.name;
    this.locks = parts.locks;
    this.elections = parts.elections;
    this.instanceIds = parts.instanceIds;
    this.registry = parts.registry;
    this.config = parts.config;
    this.#engine = engine;
    this.#closeEngine = closeEngine;
  }

  override get native(): unknown {
    return this.#engine.driver.native;
  }

  override async ping(options?: CallOptions): Promise<void> {
    const { runner, driver } = this.#engine;
    await runner.run('ping', options, (call) => driver.ping(call));
  }

  override async health(options?: CallOptions): Promise<HealthReport> {
    const { runner, driver } = this.#engine;
    const facts = { driver: driver.kind, ...driver.describe() };
    if (runner.closed) return { status: 'down', detail: { ...facts, error: 'closed' } };
    const started = performance.now();
    try {
      const timeoutMs = Math.min(options?.timeoutMs ?? HEALTH_LIMIT_MS, HEALTH_LIMIT_MS);
      await this.ping({ signal: options?.signal, timeoutMs });
      const latencyMs = Math.round((performance.now() - started) * 10) / 10;
      return { status: 'up', detail: { ...facts, latencyMs } };
    } catch (error) {
      return { status: 'down', detail: { ...facts, error: messageOf(error) } };
    }
  }

  override async close(): Promise<void> {
    await this.#closeEngine();
  }
}
