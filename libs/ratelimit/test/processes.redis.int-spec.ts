import { describe, expect, it } from '@jest/globals';
import { sharedRedis, uniquePrefix } from '@infra-kit/testkit';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const CONTENDER = join(import.meta.dirname, 'fixtures/contender.mjs');
const RATE_PER_MS = 0.2;
const CAPACITY = 50;
const FOR_MS = 1500;
/** Clocks of the processes, in ms beside the true time. */
const CLOCKS = [-3_600_000, 0, 0, 3_600_000];

interface Outcome {
  readonly admitted: number;
  /** From before the first could begin until after the last had ended: no less than what they saw. */
  readonly elapsedMs: number;
}

async function contend(
  mode: 'exact' | 'lease' | 'client-clock',
  clocks: readonly number[],
): Promise<Outcome> {
  const { url } = sharedRedis();
  const prefix = uniquePrefix('contend');
  const { NODE_OPTIONS: _unset, ...env } = process.env;
  const children = clocks.map((off) =>
    fork(CONTENDER, [url, prefix, mode, String(FOR_MS), String(off)], { env, stdio: 'inherit' }),
  );
  await Promise.all(children.map((child) => once(child, 'message')));
  const done = children.map((child) => once(child, 'message') as Promise<[{ admitted: number }]>);
  const started = performance.now();
  for (const child of children) child.send('go');
  const counts = await Promise.all(done);
  const elapsedMs = performance.now() - started;
  for (const child of children) if (child.exitCode === null) await once(child, 'exit');
  return { admitted: counts.reduce((sum, [{ admitted }]) => sum + admitted, 0), elapsedMs };
}

const bound = ({ elapsedMs }: Outcome): number => CAPACITY + RATE_PER_MS * elapsedMs;

describe('four processes on one hot account, their clocks up to an hour off', () => {
  it.each(['exact', 'lease'] as const)('are never let through above capacity + rate·t, %s', async (mode) => {
    const outcome = await contend(mode, CLOCKS);
    expect(outcome.admitted).toBeLessThanOrEqual(Math.floor(bound(outcome)));
    expect(outcome.admitted).toBeGreaterThan(
      mode === 'exact' ? CAPACITY + RATE_PER_MS * FOR_MS * 0.5 : CAPACITY * 0.5,
    );
  });

  it('control: a limiter that reads, decides by its own clock and writes lets too many through', async () => {
    const outcome = await contend('client-clock', CLOCKS);
    expect(outcome.admitted).toBeGreaterThan(bound(outcome));
  });
});
