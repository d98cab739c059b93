import { withDeadline } from '../context/deadline.js';
import { InfraContext } from '../context/infra-context.js';

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
  /** Frees the resource; called at most once, outside any request's context. `signal` aborts at the limit. */
  readonly close: (signal: AbortSignal) => void | Promise<void>;
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
  /** What this stack closed since its first `close` or `closeThrough`, in the order in which that ended. */
  readonly resources: readonly ClosedResource[];
}

const DEFAULT_LIMIT_MS = 5000;

interface Entry {
  readonly resource: Resource;
  /** The stack it was pushed to, and those that one is a scope of. */
  readonly members: readonly ResourceStack[];
  closing?: Promise<void>;
}

async function closeWithin(resource: Resource): Promise<ClosedResource> {
  const { name, phase, timeoutMs = DEFAULT_LIMIT_MS } = resource;
  const started = performance.now();
  let limit: AbortSignal | undefined;
  const close = async (signal: AbortSignal): Promise<void> => {
    limit = signal;
    await resource.close(signal);
  };
  const ended = (outcome: ClosedResource['outcome'], error?: unknown): ClosedResource => ({
    name,
    phase,
    outcome,
    durationMs: performance.now() - started,
    ...(error !== undefined && { error }),
  });
  try {
    await withDeadline(undefined, Math.max(1, timeoutMs), `${name}.close`, close);
    return ended('closed');
  } catch (error) {
    return ended(limit?.aborted ? 'timed-out' : 'failed', error);
  }
}

/**
 * What has been opened and how to close it, unwound in reverse order of creation inside the phases above.
 * Every closer runs, whatever fails or hangs before it. One stack an application; a scope of it a component.
 */
export class ResourceStack implements AsyncDisposable {
  readonly #entries = new Set<Entry>();
  readonly #phases: Promise<void>[] = [];
  /** This stack and those it is a scope of. */
  readonly #members: readonly ResourceStack[];
  /** There while closing only, so that a stack that lives long and closes many scopes keeps nothing of them. */
  #report: ClosedResource[] | undefined;
  #closing: Promise<CloseReport> | undefined;

  constructor(parent?: ResourceStack) {
    this.#members = parent === undefined ? [this] : [this, ...parent.#members];
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
    const entry: Entry = { resource, members: this.#members };
    for (const stack of entry.members) stack.#entries.add(entry);
    if (entry.members.some((stack) => stack.#hasBegun(resource.phase))) void this.#closeEntry(entry);
    return {
      [Symbol.dispose]: () => {
        for (const stack of entry.members) stack.#entries.delete(entry);
      },
    };
  }

  /** Closes the phases up to and including `last`, each once; the rest stays open. */
  async closeThrough(last: Phase): Promise<CloseReport> {
    if (this.#closing) return this.#closing;
    await this.#through(last);
    return this.#snapshot();
  }

  /** Closes everything. A second call returns the first one's promise. Never rejects. */
  close(): Promise<CloseReport> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #closeAll(): Promise<CloseReport> {
    await this.#through('connections');
    // what was pushed meanwhile into phases that had passed
    while (this.#entries.size > 0)
      await Promise.all([...this.#entries].map((entry) => this.#closeEntry(entry)));
    const report = this.#snapshot();
    this.#report = undefined;
    return report;
  }

  #through(last: Phase): Promise<void> {
    this.#report ??= [];
    for (const phase of PHASES.slice(this.#phases.length, PHASES.indexOf(last) + 1)) {
      const before = this.#phases.at(-1) ?? Promise.resolve();
      this.#phases.push(before.then(() => this.#closePhase(phase)));
    }
    return this.#phases[PHASES.indexOf(last)] ?? Promise.resolve();
  }

  async #closePhase(phase: Phase): Promise<void> {
    for (;;) {
      const youngest = [...this.#entries].findLast((entry) => entry.resource.phase === phase);
      if (youngest === undefined) return;
      await this.#closeEntry(youngest);
    }
  }

  #closeEntry(entry: Entry): Promise<void> {
    entry.closing ??= InfraContext.detach(() => closeWithin(entry.resource)).then((closed) => {
      for (const stack of entry.members) stack.#settle(entry, closed);
    });
    return entry.closing;
  }

  #settle(entry: Entry, closed: ClosedResource): void {
    if (this.#entries.delete(entry)) this.#report?.push(closed);
  }

  #hasBegun(phase: Phase): boolean {
    return this.#phases.length > PHASES.indexOf(phase);
  }

  #snapshot(): CloseReport {
    const resources = [...(this.#report ?? [])];
    return { ok: resources.every(({ outcome }) => outcome === 'closed'), resources };
  }
}
