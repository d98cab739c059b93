import { ConfigSource, type ConfigDocument, type ConfigOutcome } from '../ports/config-source.js';

type Notify = () => void;

/** What was written back about a document, and by whom. */
export interface Reported {
  readonly path: string;
  readonly instance: string;
  readonly outcome: ConfigOutcome;
}

/** A configuration centre in memory: one revision for all paths, watches that can be broken, outcomes that were reported. */
export class MemoryConfigSource extends ConfigSource {
  readonly reported: Reported[] = [];
  /** Documents that were applied, in that order. */
  readonly kept: ConfigDocument[] = [];
  readonly #documents = new Map<string, ConfigDocument>();
  readonly #watchers = new Set<Notify>();
  #revision = 0n;
  #failure: (() => unknown) | undefined;

  /** Watches under way. */
  get watchers(): number {
    return this.#watchers.size;
  }

  /** Stores `value` under a new revision, which it returns. */
  put(path: string, value: unknown): bigint {
    this.#documents.set(path, { path, revision: ++this.#revision, value });
    for (const notify of this.#watchers) notify();
    return this.#revision;
  }

  /** From now on every call, and every watch under way, throws what `error` makes; without `error` they work again. */
  fail(error?: () => unknown): void {
    this.#failure = error;
    for (const notify of this.#watchers) notify();
  }

  override load(path: string): Promise<ConfigDocument | undefined> {
    return new Promise((resolve) => {
      this.#check();
      resolve(this.#documents.get(path));
    });
  }

  override async *watch(path: string, signal: AbortSignal): AsyncGenerator<ConfigDocument> {
    let seen = 0n;
    let wake = Promise.withResolvers<void>();
    const notify = (): void => wake.resolve();
    this.#watchers.add(notify);
    signal.addEventListener('abort', notify);
    try {
      while (!signal.aborted) {
        this.#check();
        wake = Promise.withResolvers<void>();
        const document = this.#documents.get(path);
        if (document === undefined || document.revision <= seen) await wake.promise;
        else {
          seen = document.revision;
          yield document;
        }
      }
    } finally {
      this.#watchers.delete(notify);
      signal.removeEventListener('abort', notify);
    }
  }

  override keep(document: ConfigDocument): Promise<void> {
    this.kept.push(document);
    return Promise.resolve();
  }

  override report(path: string, instance: string, outcome: ConfigOutcome): Promise<void> {
    return new Promise((resolve) => {
      this.#check();
      this.reported.push({ path, instance, outcome });
      resolve();
    });
  }

  #check(): void {
    if (this.#failure) throw this.#failure();
  }
}
