import { isConfigError } from '../config/config-error.js';
import type { Clock } from '../ports/clock.js';
import type { ConfigDocument, ConfigOutcome, ConfigSource } from '../ports/config-source.js';
import type { Logger } from '../ports/logger.js';

export interface ReloadTarget<C> {
  readonly component: string;
  /** 'default' or the instance's name. */
  readonly instance: string;
  /** Validates a document; throws, naming every bad field, to refuse it. */
  readonly parse: (document: unknown) => C;
  /** Takes the parsed document over. Returns the structural fields whose change waits for a restart. */
  readonly apply: (config: C) => readonly string[] | void | Promise<readonly string[] | void>;
}

export interface ReloadStatus {
  readonly component: string;
  readonly instance: string;
  /** The revision in force; undefined: what the code and the environment said. */
  readonly revision: bigint | undefined;
  /** The newest document that was refused, until a good one comes. */
  readonly rejected: { readonly revision: bigint; readonly errors: readonly string[] } | undefined;
  readonly restartRequired: readonly string[];
}

interface Registered {
  readonly component: string;
  readonly instance: string;
  readonly offer: (value: unknown) => Promise<readonly string[]>;
  readonly stop: AbortController;
  revision: bigint | undefined;
  rejected: { revision: bigint; errors: readonly string[] } | undefined;
  restartRequired: readonly string[];
}

interface Joined {
  readonly source: ConfigSource;
  readonly root: string;
  readonly by: string;
}

const RETRY_FIRST_MS = 1000;
const RETRY_MAX_MS = 30_000;

function reasons(error: unknown): readonly string[] {
  if (isConfigError(error)) return error.problems;
  return [error instanceof Error ? error.message : String(error)];
}

/**
 * Components that take new configuration while running. They register here and know no source;
 * the umbrella joins the registry to one. The last good configuration always stays.
 */
export class ReloadRegistry {
  readonly #targets = new Set<Registered>();
  readonly #logger: Logger;
  readonly #clock: Clock;
  #joined: Joined | undefined;
  #refused = 0;

  constructor(deps: { readonly logger: Logger; readonly clock: Clock }) {
    this.#logger = deps.logger.namespace('reload');
    this.#clock = deps.clock;
  }

  register<C>(target: ReloadTarget<C>): Disposable {
    const entry: Registered = {
      component: target.component,
      instance: target.instance,
      offer: async (value) => (await target.apply(target.parse(value))) ?? [],
      stop: new AbortController(),
      revision: undefined,
      rejected: undefined,
      restartRequired: [],
    };
    this.#targets.add(entry);
    if (this.#joined) this.#follow(entry, this.#joined);
    return {
      [Symbol.dispose]: () => {
        this.#targets.delete(entry);
        entry.stop.abort();
      },
    };
  }

  status(): ReloadStatus[] {
    return [...this.#targets].map(({ component, instance, revision, rejected, restartRequired }) => ({
      component,
      instance,
      revision,
      rejected,
      restartRequired,
    }));
  }

  /** Documents refused since the start. */
  get refused(): number {
    return this.#refused;
  }

  /** Offers a document to one component; resolves with what became of it and never rejects for a bad one. */
  async offer(
    component: string,
    instance: string,
    document: Omit<ConfigDocument, 'path'>,
  ): Promise<ConfigOutcome> {
    const entry = [...this.#targets].find((t) => t.component === component && t.instance === instance);
    if (entry === undefined)
      return {
        revision: document.revision,
        status: 'refused',
        errors: [`no component ${component}(${instance})`],
        restartRequired: [],
      };
    return this.#offerTo(entry, document);
  }

  /**
   * Follows `/config/{env}/{service}/{component}` (`{component}.{name}` for a named instance) of `source` for
   * every component, present and future. Disposing the result stops; a source in trouble is asked again with back-off.
   */
  join(
    source: ConfigSource,
    at: { readonly env: string; readonly service: string; readonly instance: string },
  ): Disposable {
    const joined = { source, root: `/config/${at.env}/${at.service}`, by: at.instance };
    const stop = new AbortController();
    this.#joined = joined;
    for (const entry of this.#targets) this.#follow(entry, joined, stop.signal);
    return {
      [Symbol.dispose]: () => {
        this.#joined = undefined;
        for (const entry of this.#targets) entry.stop.abort();
        stop.abort();
      },
    };
  }

  async #offerTo(
    entry: Registered,
    { revision, value }: Omit<ConfigDocument, 'path'>,
  ): Promise<ConfigOutcome> {
    try {
      const restartRequired = await entry.offer(value);
      Object.assign(entry, { revision, rejected: undefined, restartRequired });
      this.#logger.info('configuration applied', {
        component: entry.component,
        name: entry.instance,
        revision,
        restartRequired,
      });
      return { revision, status: 'applied', errors: [], restartRequired };
    } catch (error) {
      const errors = reasons(error);
      entry.rejected = { revision, errors };
      this.#refused++;
      this.#logger.error('configuration refused, the last good one stays', {
        component: entry.component,
        name: entry.instance,
        revision,
        errors,
      });
      return { revision, status: 'refused', errors, restartRequired: entry.restartRequired };
    }
  }

  #follow(entry: Registered, joined: Joined, stop?: AbortSignal): void {
    const signal = stop === undefined ? entry.stop.signal : AbortSignal.any([stop, entry.stop.signal]);
    const leaf = entry.instance === 'default' ? entry.component : `${entry.component}.${entry.instance}`;
    void this.#run(entry, joined, `${joined.root}/${leaf}`, signal);
  }

  async #run(entry: Registered, joined: Joined, path: string, signal: AbortSignal): Promise<void> {
    let pauseMs = RETRY_FIRST_MS;
    while (!signal.aborted) {
      try {
        for await (const document of joined.source.watch(path, signal)) {
          if (entry.revision !== undefined && document.revision <= entry.revision) continue;
          await joined.source.report(path, joined.by, await this.#offerTo(entry, document));
          pauseMs = RETRY_FIRST_MS;
        }
      } catch (error) {
        if (!signal.aborted)
          this.#logger.warn('configuration source in trouble, asking again', { path, err: error });
      }
      await this.#clock.sleep(pauseMs, signal).catch(() => undefined);
      pauseMs = Math.min(pauseMs * 2, RETRY_MAX_MS);
    }
  }
}
