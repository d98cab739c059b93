import type { CallOptions, HealthReport } from '@infra-kit/kernel';
import type { CacheEngine } from './cache-engine.js';

const LIMIT_MS = 2000;

/** Asks the server; never throws. */
export async function reportHealth(
  { driver, runner, near }: Pick<CacheEngine, 'driver' | 'runner' | 'near'>,
  options: CallOptions | undefined,
): Promise<HealthReport> {
  const facts = { driver: driver.kind, ...driver.describe(), ...(near && { near: near.describe() }) };
  const started = performance.now();
  try {
    const timeoutMs = Math.min(options?.timeoutMs ?? LIMIT_MS, LIMIT_MS);
    await runner.run('ping', { signal: options?.signal, timeoutMs }, (call) => driver.ping(call));
    return {
      status: 'up',
      detail: { ...facts, latencyMs: Math.round((performance.now() - started) * 10) / 10 },
    };
  } catch (error) {
    return {
      status: driver.state === 'degraded' ? 'degraded' : 'down',
      detail: { ...facts, error: error instanceof Error ? error.message : String(error) },
    };
  }
}
