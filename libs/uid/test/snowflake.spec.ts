import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '@infra-kit/kernel/testing';
import { ClockRollbackError, createUid } from '@infra-kit/uid';
import { ReadingClock, SteppedClock } from './fixtures/clocks.js';

const EPOCH = Date.UTC(2020, 0, 1);
const NOW = Date.UTC(2026, 4, 1, 12);
const INVALID = expect.objectContaining({ code: 'INVALID_ARGUMENT' });

function expectAscending(ids: readonly bigint[]): void {
  const wrong = ids.findIndex((id, index) => index > 0 && id <= (ids[index - 1] ?? id));
  expect(wrong).toBe(-1);
}

describe('snowflake()', () => {
  it('is 41 bits of time, 10 of instance, 12 of sequence', async () => {
    await using uid = await createUid({ instanceId: 677 }, { clock: new FakeClock({ now: NOW }) });
    const time = BigInt(NOW - EPOCH) << 22n;
    expect([uid.snowflake(), uid.snowflake()]).toEqual([time | (677n << 12n), time | (677n << 12n) | 1n]);
    expect(uid.instanceId).toBe(677);
  });

  it('comes apart again', async () => {
    await using uid = await createUid(
      { instanceId: 1023, epochMs: 1 },
      { clock: new FakeClock({ now: NOW }) },
    );
    uid.snowflakes(4095);
    expect(uid.parseSnowflake(uid.snowflake())).toEqual({
      timestamp: new Date(NOW),
      instanceId: 1023,
      sequence: 4095,
    });
  });

  it('waits for the next millisecond when 4,096 are used up', async () => {
    const clock = new ReadingClock(NOW, 10_000);
    await using uid = await createUid({ instanceId: 1 }, { clock });
    const ids = Array.from({ length: 9000 }, () => uid.snowflake());
    expectAscending(ids);
    const parts = ids.map((id) => uid.parseSnowflake(id));
    expect(parts.filter(({ timestamp }) => timestamp.getTime() === NOW)).toHaveLength(4096);
    expect(parts.at(4096)).toEqual({ timestamp: new Date(NOW + 1), instanceId: 1, sequence: 0 });
    expect(clock.peek()).toBeGreaterThanOrEqual(NOW + 1);
  });

  it('waits out a step back of maxRollbackMs', async () => {
    const clock = new SteppedClock();
    await using uid = await createUid({ instanceId: 1 }, { clock });
    const before = uid.snowflake();
    clock.offsetMs -= 10;
    const after = uid.snowflake();
    expect(after).toBeGreaterThan(before);
    expect(clock.now()).toBeGreaterThanOrEqual(uid.parseSnowflake(before).timestamp.getTime());
  });

  it('refuses after a larger step back, until the clock is back', async () => {
    const clock = new FakeClock({ now: NOW });
    await using uid = await createUid({ instanceId: 1 }, { clock });
    const before = uid.snowflake();
    clock.step(-11);
    for (let i = 0; i < 3; i++) expect(() => uid.snowflake()).toThrow(ClockRollbackError);
    expect(() => uid.snowflakes(2)).toThrow(
      expect.objectContaining({ code: 'UNAVAILABLE', retryable: true, behindMs: 11, retryAfterMs: 11 }),
    );
    expect(await uid.health()).toMatchObject({ status: 'degraded' });
    expect(uid.uuidv7()).toBeDefined();
    clock.step(11);
    expect(uid.snowflake()).toBe(before + 1n);
    expect(await uid.health()).toMatchObject({ status: 'up', detail: { instanceId: 1, origin: 'fixed' } });
  });

  it('maxRollbackMs decides what is waited for', async () => {
    const clock = new FakeClock({ now: NOW });
    await using strict = await createUid({ instanceId: 1, maxRollbackMs: 0 }, { clock });
    await using patient = await createUid({ instanceId: 2, maxRollbackMs: 200 }, { clock });
    strict.snowflake();
    patient.snowflake();
    clock.step(-1);
    expect(() => strict.snowflake()).toThrow(ClockRollbackError);
    clock.step(-199);
    expect(patient.snowflake()).toBeDefined();
    clock.step(-1);
    expect(() => patient.snowflake()).toThrow(ClockRollbackError);
  });

  it('does not hang on a clock that stands still, and runs at most maxRollbackMs ahead of it', async () => {
    const clock = new FakeClock({ now: NOW });
    await using uid = await createUid({ instanceId: 1, maxRollbackMs: 2 }, { clock });
    const ids = uid.snowflakes(3 * 4096);
    expectAscending(ids);
    expect(uid.parseSnowflake(ids.at(-1) ?? 0n).timestamp.getTime()).toBe(NOW + 2);
    expect(() => uid.snowflake()).toThrow(ClockRollbackError);
    await clock.advance(1);
    expect(uid.parseSnowflake(uid.snowflake()).timestamp.getTime()).toBe(NOW + 3);
  });

  it('throws at the end of 41 bits and does not wrap', async () => {
    const clock = new FakeClock({ now: EPOCH + 2 ** 41 - 1 });
    await using uid = await createUid({ instanceId: 1023 }, { clock });
    const ids = uid.snowflakes(4096);
    expect(ids.at(-1)).toBe(2n ** 63n - 1n);
    expectAscending(ids);
    const ended = expect.objectContaining({ code: 'RESOURCE_EXHAUSTED', retryable: false });
    expect(() => uid.snowflake()).toThrow(ended);
    await clock.advance(1);
    expect(() => uid.snowflake()).toThrow(ended);
    await clock.advance(86_400_000);
    expect(() => uid.snowflakes(1)).toThrow(ended);
    expect(await uid.health()).toMatchObject({ status: 'degraded' });
  });

  it('issues nothing before its epoch, should the clock go there', async () => {
    const clock = new FakeClock({ now: EPOCH });
    await using uid = await createUid({ instanceId: 1 }, { clock });
    clock.step(-1000);
    expect(() => uid.snowflake()).toThrow(ClockRollbackError);
  });

  it('takes a clock with fractions of a millisecond', async () => {
    const clock = new FakeClock({ now: NOW + 0.75 });
    await using uid = await createUid({ instanceId: 1 }, { clock });
    expect(uid.parseSnowflake(uid.snowflake()).timestamp.getTime()).toBe(NOW);
  });
});

describe('snowflakes(n)', () => {
  it('gives n ids that go on where the last call ended', async () => {
    await using uid = await createUid({ instanceId: 3 });
    const ids = [...uid.snowflakes(5000), uid.snowflake(), ...uid.snowflakes(0), ...uid.snowflakes(10_000)];
    expect(ids).toHaveLength(15_001);
    expectAscending(ids);
  });

  it.each([-1, 1.5, Number.NaN, Infinity, 2 ** 24 + 1, '5', undefined])('refuses n = %p', async (n) => {
    await using uid = await createUid({ instanceId: 3 }, { clock: new FakeClock() });
    const before = uid.snowflake();
    expect(() => uid.snowflakes(n as number)).toThrow(INVALID);
    expect(uid.snowflake()).toBe(before + 1n);
  });
});

describe('parseSnowflake()', () => {
  it('takes ids that went through JSON as text', async () => {
    await using uid = await createUid({ instanceId: 9 });
    const order = { id: uid.snowflake() };
    const json = JSON.stringify({ id: order.id.toString() });
    const { id } = JSON.parse(json) as { id: string };
    expect(BigInt(id)).toBe(order.id);
    expect(uid.parseSnowflake(id)).toEqual(uid.parseSnowflake(order.id));
  });

  it('refuses a number: it has lost precision', async () => {
    await using uid = await createUid({ instanceId: 9 });
    const { id } = JSON.parse(`{"id":${uid.snowflake() | 1n}}`) as { id: string };
    expect(() => uid.parseSnowflake(id)).toThrow(INVALID);
    expect(() => uid.parseSnowflake(id)).toThrow(/loses precision/);
    expect(() => uid.parseSnowflake(String(1.2345e30))).toThrow(INVALID);
  });

  it('reads the smallest and the largest id', async () => {
    await using uid = await createUid({ instanceId: 9, epochMs: 0 });
    expect(uid.parseSnowflake('0')).toEqual({ timestamp: new Date(0), instanceId: 0, sequence: 0 });
    expect(uid.parseSnowflake(2n ** 63n - 1n)).toEqual({
      timestamp: new Date(2 ** 41 - 1),
      instanceId: 1023,
      sequence: 4095,
    });
  });

  it.each([
    'abc',
    '',
    ' 1',
    '1n',
    '-1',
    '+1',
    '01',
    '0x10',
    '1e3',
    '1.0',
    '9223372036854775808',
    '99999999999999999999',
    -1n,
    2n ** 63n,
    1.5,
    Number.NaN,
    null,
    undefined,
    {},
    true,
  ])('parseSnowflake(%p) is INVALID_ARGUMENT', async (id) => {
    await using uid = await createUid({ instanceId: 9 });
    expect(() => uid.parseSnowflake(id as string)).toThrow(INVALID);
  });
});
