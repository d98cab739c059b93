import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { metrics, type Attributes, type Meter } from '@opentelemetry/api';
import { COORD_METRICS, createCoord, MemoryCoordDriver } from '@infra-kit/coord';
import { faultyCoord } from '@infra-kit/coord/testing';
import { FakeClock } from '@infra-kit/kernel/testing';

const measured: { name: string; attributes: Attributes }[] = [];
const keeper = (name: string) => {
  const keep = (_value: number, attributes: Attributes = {}): void =>
    void measured.push({ name, attributes });
  return { add: keep, record: keep };
};
const of = (name: string): Attributes[] =>
  measured.filter((each) => each.name === name).map(({ attributes }) => attributes);

beforeEach(() => {
  measured.length = 0;
  const meter = { createCounter: keeper, createHistogram: keeper } as unknown as Meter;
  metrics.setGlobalMeterProvider({ getMeter: () => meter });
});
afterEach(() => metrics.disable());

describe('the metrics of a coord', () => {
  it('time calls by operation and outcome, count lost leases by kind and changes of state, with bounded labels', async () => {
    const clock = new FakeClock();
    const faults = faultyCoord(new MemoryCoordDriver({ clock }));
    const coord = await createCoord({ driver: faults.driver }, { clock, env: 'test', name: 'jobs' });
    await coord.locks.acquire('a', { ttlMs: 2000 });
    await coord.elections.campaign('a', { value: 'me', ttlMs: 2000 });
    await coord.instanceIds.acquire('a', 1, { ttlMs: 2000 });
    faults.cut();
    await expect(coord.ping()).rejects.toThrow();
    await clock.advance(2000);
    faults.mend();
    await coord.close();
    expect(of(COORD_METRICS.duration)).toEqual(
      expect.arrayContaining([
        { coord: 'jobs', operation: 'grant', outcome: 'ok' },
        { coord: 'jobs', operation: 'ping', outcome: 'UNAVAILABLE' },
      ]),
    );
    expect(of(COORD_METRICS.leasesLost).map(({ kind }) => kind)).toEqual(['lock', 'leader', 'instance-id']);
    expect(of(COORD_METRICS.stateChanges).map(({ state }) => state)).toEqual(['down', 'up']);
    const labels = new Set(measured.flatMap(({ attributes }) => Object.keys(attributes)));
    expect(labels).toEqual(new Set(['coord', 'operation', 'outcome', 'kind', 'state']));
  });
});
