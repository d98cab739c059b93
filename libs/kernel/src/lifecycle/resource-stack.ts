/** The order of a shutdown: fail readiness, leave the registry, stop intake, finish work, flush, give leases back, disconnect. */
export const PHASES = [
  'readiness',
  'deregister',
  'intake',
  'drain',
  'flush',
  'leases',
  'connections',
] as const;
export type Phase = (typeof PHASES)[number];

export interface Resource {
  readonly name: string;
  readonly phase: Phase;
  /** Frees the resource; called at most once. */
  readonly close: () => void | Promise<void>;
  /** Limit for `close`, in milliseconds; default 5,000. */
  readonly timeoutMs?: number | undefined;
}

export interface ClosedResource {
  readonly name: string;
  readonly phase: Phase;
  readonly outcome: 'closed' | 'failed' | 'timed-out';
  readonly durationMs: number;
  readonly error?: unknown;
}

export interface CloseReport {
  /** True when every closer succeeded within its limit. */
  readonly ok: boolean;
  /** In the order in which they were closed. */
  readonly resources: readonly ClosedResource[];
}

const DEFAULT_LIMIT_MS = 5000;
const LAST = PHASES.length - 1;

interface Entry {
  readonly resource: Resource;
  closing?: Promise<ClosedResource>;
}

async function closeWithin(resource: Resource): Promise<ClosedResource> {
  const { name, phase, timeoutMs = DEFAULT_LIMIT_MS } = resource;
  const started = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<'timed-out'>((resolve) => {
    timer = setTimeout(() => resolve('timed-out'), timeoutMs);
  });
  const closed = async (): Promise<'closed'> => {
    await resource.close();
    return 'closed';
  };
  const done = (outcome: ClosedResource['outcome'], error?: unknown): ClosedResource => ({
    name,
    phase,
    outcome,
    durationMs: performance.now() - started,
    ...(error !== undefined && { error }),
  });
  try {
    return done(await Promise.race([closed(), limit]));
  } catch (error) {
    return done('failed', error);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * What has been opened and how to close it, unwound in reverse order of creation inside the phases above.
 * Every closer runs, whatever fails or hangs before it. One stack an application; a scope of it a component.
 */
export class ResourceStack implements AsyncDisposable {
  readonly #entries = new Set<Entry>();
  readonly #report: ClosedResource[] = [];
  readonly #phases: Promise<void>[] = [];
  readonly #parent: ResourceStack | undefined;
  #closing: Promise<CloseReport> | undefined;

  constructor(parent?: ResourceStack) {
    this.#parent = parent;
  }

  /** A stack of its own whose resources also belong to this one: whichever closes first closes them, once. */
  scope(): ResourceStack {
    return new ResourceStack(this);
  }

  /** True from the moment `close` was called. */
  get closing(): boolean {
    return this.#closing !== undefined;
  }

  /**
   * Adds a resource; disposing the result takes it off again unclosed.
   * One that comes when its phase is already being closed, or the stack itself, is closed at once.
   */
  push(resource: Resource): Disposable {
    const entry: Entry = { resource };
    this.#add(entry);
    return { [Symbol.dispose]: () => this.#remove(entry) };
  }

  /** Closes the phases up to and including `last`, each once; the rest stays open. */
  async closeThrough(last: Phase): Promise<CloseReport> {
    await this.#through(PHASES.indexOf(last));
    return this.#snapshot();
  }

  /** Closes everything. A second call returns the first one's promise. */
  close(): Promise<CloseReport> {
    this.#closing ??= this.#through(LAST).then(() => this.#snapshot());
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #through(last: number): Promise<void> {
    for (let index = this.#phases.length; index <= last; index++) {
      const before = this.#phases[index - 1] ?? Promise.resolve();
      this.#phases.push(before.then(() => this.#closePhase(index)));
    }
    return this.#phases[last] ?? Promise.resolve();
  }

  async #closePhase(index: number): Promise<void> {
    for (;;) {
      const next = [...this.#entries].findLast((entry) => entry.resource.phase === PHASES[index]);
      if (next === undefined) return;
      await this.#closeEntry(next);
    }
  }

  async #closeEntry(entry: Entry): Promise<void> {
    entry.closing ??= closeWithin(entry.resource);
    const closed = await entry.closing;
    if (this.#remove(entry)) this.#note(closed);
  }

  #note(closed: ClosedResource): void {
    this.#report.push(closed);
    if (this.#parent) this.#parent.#note(closed);
  }

  #add(entry: Entry): void {
    if (this.#parent) this.#parent.#add(entry);
    this.#entries.add(entry);
    const begun = this.#phases.length > PHASES.indexOf(entry.resource.phase);
    if (begun || this.closing) void this.#closeEntry(entry);
  }

  #remove(entry: Entry): boolean {
    if (this.#parent) this.#parent.#remove(entry);
    return this.#entries.delete(entry);
  }

  #snapshot(): CloseReport {
    return { ok: this.#report.every(({ outcome }) => outcome === 'closed'), resources: [...this.#report] };
  }
}
