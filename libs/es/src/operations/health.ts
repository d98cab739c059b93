import { messageOf, type CallOptions, type HealthReport } from '@infra-kit/kernel';
import type { EsEngine } from './es-engine.js';

const LIMIT_MS = 2000;
export const PING = { name: 'cluster.health', repeatable: true };

/** Asks the cluster; never throws. */
export async function reportHealth(
  { driver, runner }: Pick<EsEngine, 'driver' | 'runner'>,
  options: CallOptions | undefined,
): Promise<HealthReport> {
  const facts = { driver: driver.kind, ...driver.describe() };
  if (runner.closed) return { status: 'down', detail: { ...facts, error: 'closed' } };
  const started = performance.now();
  try {
    const timeoutMs = Math.min(options?.timeoutMs ?? LIMIT_MS, LIMIT_MS);
    const limits = { signal: options?.signal, timeoutMs };
    const cluster = await runner.run(PING, limits as CallOptions, (call) => driver.ping(call));
    const latencyMs = Math.round((performance.now() - started) * 10) / 10;
    return { status: cluster === 'red' ? 'degraded' : 'up', detail: { ...facts, cluster, latencyMs } };
  } catch (error) {
    return { status: 'down', detail: { ...facts, error: messageOf(error) } };
  }
}
