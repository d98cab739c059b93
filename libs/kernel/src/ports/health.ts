export type HealthStatus = 'up' | 'degraded' | 'down';

export interface HealthReport {
  readonly status: HealthStatus;
  /** Facts for people: never a secret, an address only without credentials. */
  readonly detail: Readonly<Record<string, unknown>>;
}
