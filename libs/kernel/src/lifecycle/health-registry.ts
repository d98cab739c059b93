import type { CallOptions } from '../context/call-options.js';
import { withDeadline } from '../context/deadline.js';
import { messageOf } from '../errors/message-of.js';
import type { HealthReport } from '../ports/health.js';

/** A component's report as part of the whole. */
export interface ComponentHealth extends HealthReport {
  readonly critical: boolean;
}

export interface ServiceHealth extends HealthReport {
  readonly detail: Readonly<Record<string, ComponentHealth>>;
}

export type HealthCheck = (options?: CallOptions) => Promise<HealthReport>;

interface Registered {
  readonly name: string;
  readonly check: HealthCheck;
  readonly critical: boolean | (() => boolean);
}
interface Asked extends Registered {
  readonly critical: boolean;
}

/** Longest a component may take to answer, in milliseconds. */
const LIMIT_MS = 2000;

/** The health of every component of one application. */
export class HealthRegistry {
  readonly #checks = new Set<Registered>();
  #alsoCritical: ReadonlySet<string> = new Set();

  /**
   * `critical`: the service is not ready while this one is down; a function is asked at each check. Disposing the result
   * takes the check out.
   */
  register(
    name: string,
    check: HealthCheck,
    options: { readonly critical?: boolean | (() => boolean) | undefined } = {},
  ): Disposable {
    const entry = { name, check, critical: options.critical ?? false };
    this.#checks.add(entry);
    return { [Symbol.dispose]: () => void this.#checks.delete(entry) };
  }

  /** What is registered now, as in `detail` of a report. */
  get names(): string[] {
    return [...this.#checks].map(({ name }) => name);
  }

  /** Names components that are critical for this service beside those that say so themselves. */
  requireUp(names: readonly string[]): void {
    this.#alsoCritical = new Set(names);
  }

  /**
   * Asks every component at once, each limited to 2 s; never throws.
   * `down` when a critical one is down, `degraded` when any is not up. `detail` has a report a component.
   */
  async check(options: { readonly only?: 'critical' | undefined } = {}): Promise<ServiceHealth> {
    const asked = [...this.#checks]
      .map((entry) => ({ ...entry, critical: this.#isCritical(entry) }))
      .filter(({ critical }) => critical || options.only === undefined);
    const reports = await Promise.all(asked.map(async (entry) => [entry.name, await ask(entry)] as const));
    const found = reports.map(([, report]) => report);
    const down = found.some(({ critical, status }) => critical && status === 'down');
    const up = found.every(({ status }) => status === 'up');
    return { status: down ? 'down' : up ? 'up' : 'degraded', detail: Object.fromEntries(reports) };
  }

  #isCritical({ name, critical }: Registered): boolean {
    return (typeof critical === 'function' ? critical() : critical) || this.#alsoCritical.has(name);
  }
}

async function ask({ name, check, critical }: Asked): Promise<ComponentHealth> {
  try {
    const { status, detail } = await withDeadline(undefined, LIMIT_MS, `${name}.health`, (signal) =>
      check({ signal, timeoutMs: LIMIT_MS }),
    );
    return { status, detail, critical };
  } catch (error) {
    return { status: 'down', detail: { error: messageOf(error) }, critical };
  }
}
