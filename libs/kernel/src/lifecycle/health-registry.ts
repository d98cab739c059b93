import type { CallOptions } from '../context/call-options.js';
import { withDeadline } from '../context/deadline.js';
import type { HealthReport, HealthStatus } from '../ports/health.js';

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
  readonly critical: boolean;
}

/** Longest a component may take to answer, in milliseconds. */
const LIMIT_MS = 2000;

/** The health of every component of one application. */
export class HealthRegistry {
  readonly #checks = new Set<Registered>();
  #alsoCritical: ReadonlySet<string> = new Set();

  /** `critical`: the service is not ready while this one is down. Disposing the result takes the check out. */
  register(
    name: string,
    check: HealthCheck,
    options: { readonly critical?: boolean | undefined } = {},
  ): Disposable {
    const entry = { name, check, critical: options.critical ?? false };
    this.#checks.add(entry);
    return { [Symbol.dispose]: () => void this.#checks.delete(entry) };
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
    const all = [...this.#checks].map((entry) => ({ ...entry, critical: this.#isCritical(entry) }));
    const asked = all.filter((entry) => entry.critical || options.only === undefined);
    const reports = await Promise.all(asked.map(async (entry) => ({ ...(await ask(entry)), critical: entry.critical })));
    const detail = Object.fromEntries(asked.map(({ name }, index) => [name, reports[index]])) as ServiceHealth['detail'];
    const down = reports.some((report) => report.critical && report.status === 'down');
    const status: HealthStatus = down ? 'down' : reports.every((report) => report.status === 'up') ? 'up' : 'degraded';
    return { status, detail };
  }

  #isCritical({ name, critical }: Registered): boolean {
    return critical || this.#alsoCritical.has(name);
  }
}

async function ask({ name, check }: Registered): Promise<HealthReport> {
  try {
    return await withDeadline(undefined, LIMIT_MS, `${name}.health`, (signal) =>
      check({ signal, timeoutMs: LIMIT_MS }),
    );
  } catch (error) {
    return { status: 'down', detail: { error: error instanceof Error ? error.message : String(error) } };
  }
}
