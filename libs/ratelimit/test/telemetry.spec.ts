import { expect, it } from '@jest/globals';
import { RATELIMIT_METRICS } from '@infra-kit/ratelimit';
import { open } from './fixtures/limits.js';
import { recordMetrics } from '@infra-kit/kernel/testing';

const rules = { one: { rate: 1, perMs: 60_000, capacity: 1 } };
const count = (measured: ReturnType<typeof recordMetrics>): number =>
  measured.sum(RATELIMIT_METRICS.decisions);

it('every decision is counted from the first on where there is a MeterProvider, also by one that takes its place', async () => {
  const first = recordMetrics();
  const { limits } = await open('memory', { rules });
  for (let n = 0; n < 5; n++) await limits.allow('x', 'one');
  expect(count(first)).toBe(5);
  using second = recordMetrics();
  for (let n = 0; n < 3; n++) await limits.allow('x', 'one');
  expect([count(first), count(second)]).toEqual([5, 3]);
});

it('a MeterProvider that comes while decisions are made misses 16 of them at most', async () => {
  const { limits } = await open('memory', { rules });
  await limits.allow('x', 'one');
  using late = recordMetrics();
  for (let n = 0; n < 16; n++) await limits.allow('x', 'one');
  expect(count(late)).toBeGreaterThanOrEqual(1);
  await limits.allow('x', 'one');
  expect(count(late)).toBeGreaterThanOrEqual(2);
});
