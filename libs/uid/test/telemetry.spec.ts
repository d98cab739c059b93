import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { metrics, type Attributes, type MeterProvider } from '@opentelemetry/api';
import { InfraError } from '@infra-kit/kernel';
import { FakeClock } from '@infra-kit/kernel/testing';
import {
  createUid,
  UID_CLOCK_ROLLBACKS,
  UID_LEASES_LOST,
  UID_MARK_FAILURES,
  UID_SCOPE,
  UID_SEQUENCE_WAITS,
} from '@infra-kit/uid';
import { leasedWorkerIds } from '@infra-kit/uid/testing';
import { RecordingLogger } from './fixtures/recording-logger.js';

const counted = new Map<string, number>();
const recording = {
  getMeter: (scope: string) => ({
    createCounter: (name: string) => ({
      add: (value: number, labels: Attributes = {}) => {
        const key = [scope, name, ...Object.entries(labels).flat()].join(' ');
        counted.set(key, (counted.get(key) ?? 0) + value);
      },
    }),
  }),
} as unknown as MeterProvider;

beforeAll(() => void metrics.setGlobalMeterProvider(recording));
afterAll(() => metrics.disable());

describe('telemetry', () => {
  it('counts waits, rollbacks, lost leases and marks that were not stored', async () => {
    const clock = new FakeClock();
    const store = leasedWorkerIds(clock);
    const logger = new RecordingLogger();
    await using uid = await createUid({}, { workerIdSource: store, clock, logger, env: 'production' });
    uid.snowflakes(4097);
    clock.step(-3);
    uid.snowflake();
    clock.step(-100);
    expect(() => uid.snowflake()).toThrow();
    clock.step(200);
    store.fail(() => new InfraError('UNAVAILABLE', 'away'));
    await clock.advance(20_000);
    store.heal();
    expect([...counted.keys()].toSorted()).toEqual(
      [
        `${UID_SCOPE} ${UID_CLOCK_ROLLBACKS} outcome refused`,
        `${UID_SCOPE} ${UID_CLOCK_ROLLBACKS} outcome waited`,
        `${UID_SCOPE} ${UID_LEASES_LOST}`,
        `${UID_SCOPE} ${UID_MARK_FAILURES}`,
        `${UID_SCOPE} ${UID_SEQUENCE_WAITS}`,
      ].toSorted(),
    );
    expect(counted.get(`${UID_SCOPE} ${UID_LEASES_LOST}`)).toBe(1);
    expect(counted.get(`${UID_SCOPE} ${UID_SEQUENCE_WAITS}`)).toBe(1);
  });
});
