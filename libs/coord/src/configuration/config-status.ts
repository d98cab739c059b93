import { hostname } from 'node:os';
import { InfraContext, type CallOptions, type ConfigOutcome } from '@infra-kit/kernel';
import type { CoordEngine } from '../operations/coord-engine.js';
import type { ConfigKeys } from './config-keys.js';

/** What a program made of a document, as it stands in the store: read it with `config.get` or `config.list`. */
export interface StoredConfigStatus {
  /** Of the document. */
  readonly revision: string;
  readonly status: ConfigOutcome['status'];
  readonly errors: readonly string[];
  readonly restartRequired: readonly string[];
  /** ISO 8601, by the program's clock. */
  readonly at: string;
}

/** A status outlives the process that wrote it, but not for good. */
const KEPT_MS = 7 * 86_400_000;

const RETRY_FIRST_MS = 500;
const RETRY_MAX_MS = 30_000;

/** Who reports where nobody says otherwise. */
const thisInstance = (): string => `${hostname()}-${process.pid}`;

/** The path of the statuses of a document; below it, one an instance. */
function statusPath(path: string): string {
  return `/config-status${path}`;
}

/** Writes back what became of documents, for whoever pushed them. */
export class ConfigStatus {
  readonly #engine: CoordEngine;
  readonly #keys: ConfigKeys;

  constructor(engine: CoordEngine, keys: ConfigKeys) {
    this.#engine = engine;
    this.#keys = keys;
  }

  async write(path: string, instance: string, outcome: ConfigOutcome, options?: CallOptions): Promise<void> {
    const { runner, driver, clock } = this.#engine;
    const { revision, status, errors, restartRequired } = outcome;
    const at = new Date(clock.now()).toISOString();
    const stored: StoredConfigStatus = {
      revision: revision.toString(),
      status,
      errors,
      restartRequired,
      at,
    };
    const key = this.#keys.data(this.#keys.path(`${statusPath(path)}/${instance}`));
    const { id: lease } = await runner.run('grant', options, (call) => driver.grant(KEPT_MS, call));
    const success = [{ kind: 'put', key, value: JSON.stringify(stored), lease }] as const;
    await runner.run('txn', options, (call) => driver.txn({ success }, call));
  }
}

/** Writes the outcomes of one document in the background: each until it is written, or a newer one takes its place. */
export class OutcomeReporter {
  readonly #engine: CoordEngine;
  readonly #status: ConfigStatus;
  readonly #at: { readonly path: string; readonly until: AbortSignal };
  #newest: ConfigOutcome | undefined;
  #writing = false;

  constructor(
    engine: CoordEngine,
    status: ConfigStatus,
    at: { readonly path: string; readonly until: AbortSignal },
  ) {
    this.#engine = engine;
    this.#status = status;
    this.#at = at;
  }

  report(outcome: ConfigOutcome): void {
    this.#newest = outcome;
    if (this.#writing) return;
    this.#writing = true;
    void InfraContext.detach(() => this.#writeAll());
  }

  async #writeAll(): Promise<void> {
    const { clock, logger } = this.#engine;
    const { path, until: signal } = this.#at;
    let pauseMs = RETRY_FIRST_MS;
    while (this.#newest !== undefined && !signal.aborted) {
      const outcome = this.#newest;
      try {
        await this.#status.write(path, thisInstance(), outcome, { signal });
        if (this.#newest === outcome) this.#newest = undefined;
        pauseMs = RETRY_FIRST_MS;
      } catch (error) {
        if (!signal.aborted) logger.warn('an outcome is not written back yet', { key: path, err: error });
        await clock.sleep(pauseMs, signal).catch(() => undefined);
        pauseMs = Math.min(pauseMs * 2, RETRY_MAX_MS);
      }
    }
    this.#writing = false;
  }
}
