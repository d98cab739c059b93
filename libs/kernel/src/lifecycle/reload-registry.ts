import { isConfigError } from '../config/config-error.js';
import { InfraContext } from '../context/infra-context.js';
import { messageOf } from '../errors/message-of.js';
import type { Clock } from '../ports/clock.js';
import type { ConfigDocument, ConfigOutcome, ConfigSource } from '../ports/config-source.js';
import type { Logger } from '../ports/logger.js';
import { reloads } from '../telemetry/kernel.telemetry.js';
import { followConfig } from './config-follower.js';

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
  /** The newest document, when it was refused. */
  readonly rejected: { readonly revision: bigint; readonly errors: readonly string[] } | undefined;
  readonly restartRequired: readonly string[];
}

interface Registered {
  readonly offer: (value: unknown) => Promise<readonly string[]>;
  readonly stop: AbortController;
  status: ReloadStatus;
  /** The end of the document before: they are applied one after another. */
  turn: Promise<unknown>;
}

interface Joined {
  readonly source: ConfigSource;
  readonly root: string;
  readonly by: string;
  readonly stop: AbortController;
}

type Document = Omit<ConfigDocument, 'path'>;

/** The newest revision that was offered, refused ones included: nothing older is looked at again. */
function newestOf({ revision, rejected }: ReloadStatus): bigint | undefined {
  return rejected?.revision ?? revision;
}

function isWanted({ status, stop }: Registered, revision: bigint): boolean {
  const newest = newestOf(status);
  return !stop.signal.aborted && (newest === undefined || revision > newest);
}

/**
 * Components that take new configuration while running. They register here and know no source;
 * the umbrella joins the registry to one. The last good configuration always stays, and revisions only rise.
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
    const { component, instance } = target;
    const entry: Registered = {
      offer: async (value) => (await target.apply(target.parse(value))) ?? [],
      stop: new AbortController(),
      status: { component, instance, revision: undefined, rejected: undefined, restartRequired: [] },
      turn: Promise.resolve(),
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
    return [...this.#targets].map(({ status }) => status);
  }

  /** Documents refused since the start. */
  get refused(): number {
    return this.#refused;
  }

  /** Offers a document to one component; resolves with what became of it and never rejects for a bad one. */
  async offer(component: string, instance: string, document: Document): Promise<ConfigOutcome> {
    const entry = [...this.#targets].find(
      ({ status }) => status.component === component && status.instance === instance,
    );
    const refused = (reason: string): ConfigOutcome => ({
      revision: document.revision,
      status: 'refused',
      errors: [reason],
      restartRequired: [],
    });
    if (entry === undefined) return refused(`no component ${component}(${instance})`);
    const outcome = await this.#offerTo(entry, document);
    return outcome ?? refused(`revision ${document.revision} is not newer than ${newestOf(entry.status)}`);
  }

  /**
   * Follows `/config/{env}/{service}/{component}` (`{component}.{name}` for a named instance) of `source` for
   * every component, present and future, in place of a source joined before. Disposing the result stops;
   * a source in trouble, or whose watch ends, is asked again with back-off.
   */
  join(
    source: ConfigSource,
    at: { readonly env: string; readonly service: string; readonly instance: string },
  ): Disposable {
    this.#joined?.stop.abort();
    const root = `/config/${at.env}/${at.service}`;
    const joined: Joined = { source, root, by: at.instance, stop: new AbortController() };
    this.#joined = joined;
    for (const entry of this.#targets) this.#follow(entry, joined);
    return {
      [Symbol.dispose]: () => {
        joined.stop.abort();
        if (this.#joined === joined) this.#joined = undefined;
      },
    };
  }

  /** Undefined for a document that is not newer than what was offered before, or that comes after the component. */
  #offerTo(entry: Registered, document: Document): Promise<ConfigOutcome | undefined> {
    const outcome = entry.turn.then(() =>
      isWanted(entry, document.revision) ? this.#apply(entry, document) : undefined,
    );
    entry.turn = outcome;
    return outcome;
  }

  async #apply(entry: Registered, { revision, value }: Document): Promise<ConfigOutcome> {
    const { component, instance } = entry.status;
    const told = { component, name: instance, revision };
    try {
      const restartRequired = await entry.offer(value);
      entry.status = { component, instance, revision, rejected: undefined, restartRequired };
      this.#logger.info('configuration applied', { ...told, restartRequired });
      reloads.add(1, { component, instance, outcome: 'applied' });
      return { revision, status: 'applied', errors: [], restartRequired };
    } catch (error) {
      const errors = isConfigError(error) ? error.problems : [messageOf(error)];
      entry.status = { ...entry.status, rejected: { revision, errors } };
      this.#refused++;
      this.#logger.error('configuration refused, the last good one stays', { ...told, errors });
      reloads.add(1, { component, instance, outcome: 'refused' });
      return { revision, status: 'refused', errors, restartRequired: entry.status.restartRequired };
    }
  }

  #follow(entry: Registered, joined: Joined): void {
    const { component, instance } = entry.status;
    const path = `${joined.root}/${instance === 'default' ? component : `${component}.${instance}`}`;
    const following = {
      source: joined.source,
      path,
      by: joined.by,
      offer: (document: ConfigDocument) => this.#offerTo(entry, document),
      clock: this.#clock,
      logger: this.#logger,
      signal: AbortSignal.any([joined.stop.signal, entry.stop.signal]),
    };
    void InfraContext.detach(() => followConfig(following));
  }
}
