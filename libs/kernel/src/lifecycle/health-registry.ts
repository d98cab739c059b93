import type { CallOptions } from '../context/call-options.js';
import { withDeadline } from '../context/deadline.js';
import type { HealthReport, HealthStatus } from '../ports/health.js';

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

  /**
   * Asks every component at once, each limited to 2 s; never throws.
   * `down` when a critical one is down, `degraded` when any is not up. `detail` has a report a component.
   */
  async check(options: { readonly only?: 'critical' | undefined } = {}): Promise<HealthReport> {
    const asked = [...this.#checks].filter((entry) => entry.critical || options.only === undefined);
    const reports = await Promise.all(asked.map((entry) => ask(entry)));
    const detail = Object.fromEntries(asked.map(({ name }, index) => [name, reports[index]]));
    const down = asked.some(({ critical }, index) => critical && reports[index]?.status === 'down');
    const status: HealthStatus = down
      ? 'down'
      : reports.every((report) => report.status === 'up')
        ? 'up'
        : 'degraded';
    return { status, detail };
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
