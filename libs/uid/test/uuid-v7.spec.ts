import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FakeClock, seededRandom } from '@infra-kit/kernel/testing';
import { createUid, type UidProvider } from '@infra-kit/uid';
import * as uuid from 'uuid';
import { UuidV7Generator } from '../src/uuid/uuid-v7.generator.js';

const RFC = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** The 26 bits of the counter: rand_a, then 14 bits after the variant. */
function counterOf(id: string): number {
  const randA = Number.parseInt(id.slice(15, 18), 16);
  return randA * 2 ** 14 + (Number.parseInt(id.slice(19, 23), 16) & 0x3fff);
}

describe('uuidv7()', () => {
  const clock = new FakeClock({ now: Date.UTC(2026, 4, 1) });
  let uid: UidProvider;
  beforeAll(async () => {
    uid = await createUid({ instanceId: 1 }, { clock });
  });
  afterAll(() => uid.close());

  it('is the text form of RFC 9562 with version 7 and its variant', () => {
    for (let i = 0; i < 10_000; i++) expect(uid.uuidv7()).toMatch(RFC);
  });

  it('bears the time of the clock', () => {
    expect(uid.parseUuidV7(uid.uuidv7())).toEqual({ timestamp: new Date(clock.now()) });
  });

  it('is strictly increasing in one millisecond and over many, by a clock that jumps both ways', async () => {
    const random = seededRandom();
    let last = uid.uuidv7();
    for (let i = 0; i < 200_000; i++) {
      if (i % 100 === 0) clock.step(random.pick([1, 2, 50, 3_600_000, -1, -10, -3_600_000]));
      const id = uid.uuidv7();
      if (id <= last) throw new Error(`${id} after ${last}`);
      last = id;
    }
  });

  it('never goes backwards when the clock does: it counts on in the last millisecond', () => {
    clock.step(1000);
    const before = uid.uuidv7();
    clock.step(-3_600_000);
    const after = uid.uuidv7();
    expect(uid.parseUuidV7(after)).toEqual(uid.parseUuidV7(before));
    expect(counterOf(after)).toBe(counterOf(before) + 1);
    clock.step(3_600_000);
  });

  it('seeds the counter at random each millisecond, with half its range left', async () => {
    const ticking = new FakeClock();
    await using fresh = await createUid({ instanceId: 1 }, { clock: ticking });
    const seeds = Array.from({ length: 1000 }, () => {
      ticking.step(1);
      return counterOf(fresh.uuidv7());
    });
    expect(Math.max(...seeds)).toBeLessThan(2 ** 25);
    expect(new Set(seeds).size).toBeGreaterThan(980);
    const mean = seeds.reduce((sum, seed) => sum + seed, 0) / seeds.length / 2 ** 25;
    expect(mean).toBeGreaterThan(0.4);
    expect(mean).toBeLessThan(0.6);
  });

  it('has 48 fresh random bits in each id', () => {
    const tails = Array.from({ length: 20_000 }, () => uid.uuidv7().slice(24));
    expect(new Set(tails).size).toBe(tails.length);
    for (let bit = 0; bit < 48; bit++) {
      const set = tails.filter((tail) => (BigInt(`0x${tail}`) >> BigInt(bit)) & 1n).length / tails.length;
      expect(set).toBeGreaterThan(0.45);
      expect(set).toBeLessThan(0.55);
    }
  });

  it('shares no id with another provider at the same time', async () => {
    await using other = await createUid({ instanceId: 1 }, { clock });
    const ids = Array.from({ length: 20_000 }, (_, i) => (i % 2 ? uid : other).uuidv7());
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe('UuidV7Generator', () => {
  const zeros = (words: Uint16Array): void => void words.fill(0);

  it('borrows the next millisecond when the counter is full, and keeps order', () => {
    const generator = new UuidV7Generator(zeros, { ms: 0x0123456789ab, counter: 2 ** 26 - 2 });
    expect(generator.next(0x0123456789ab)).toBe('01234567-89ab-7fff-bfff-000000000000');
    expect(generator.next(0x0123456789ab)).toBe('01234567-89ac-7000-8000-000000000000');
    expect(generator.next(0x0123456789ac)).toBe('01234567-89ac-7000-8001-000000000000');
  });

  it('carries from one part of the counter into the next', () => {
    const generator = new UuidV7Generator(zeros, { ms: 1, counter: 2 ** 14 - 2 });
    expect(generator.next(1)).toBe('00000000-0001-7000-bfff-000000000000');
    expect(generator.next(1)).toBe('00000000-0001-7001-8000-000000000000');
  });

  it('keeps order by a clock with fractions of a millisecond', () => {
    const generator = new UuidV7Generator();
    const ids = Array.from({ length: 5000 }, (_, i) => generator.next(1000 + i / 100));
    expect(ids.toSorted()).toEqual(ids);
  });

  it('refuses a time beyond 48 bits', () => {
    expect(() => new UuidV7Generator().next(2 ** 48)).toThrow(
      expect.objectContaining({ code: 'RESOURCE_EXHAUSTED', retryable: false }),
    );
  });
});

describe('beside the uuid package', () => {
  let uid: UidProvider;
  beforeAll(async () => {
    uid = await createUid({ instanceId: 1 });
  });
  afterAll(() => uid.close());

  it('uuid accepts, and reads the same out of, what uuidv7() makes', () => {
    for (let i = 0; i < 1000; i++) {
      const id = uid.uuidv7();
      expect(uuid.validate(id)).toBe(true);
      expect(uuid.version(id)).toBe(7);
      expect(uuid.stringify(uuid.parse(id))).toBe(id);
      const { timestamp } = uid.parseUuidV7(id);
      const bytes = Buffer.from(uuid.parse(id));
      expect(timestamp.getTime()).toBe(bytes.readUIntBE(0, 6));
    }
  });

  it('parseUuidV7() reads what uuid makes', () => {
    for (const msecs of [0, 1, 1_777_777_777_777, 2 ** 48 - 1])
      expect(uid.parseUuidV7(uuid.v7({ msecs }))).toEqual({ timestamp: new Date(msecs) });
    expect(uid.parseUuidV7(uuid.v7({ msecs: 5 }).toUpperCase())).toEqual({ timestamp: new Date(5) });
  });

  it('isValidUuid() takes the RFC text form alone, of any version unless one is named', () => {
    const versions = { 1: uuid.v1(), 4: uuid.v4(), 5: uuid.v5('x', uuid.v5.URL), 6: uuid.v6(), 7: uuid.v7() };
    for (const [version, id] of Object.entries(versions)) {
      expect(uid.isValidUuid(id)).toBe(true);
      expect(uid.isValidUuid(id, Number(version))).toBe(true);
      expect(uid.isValidUuid(id, version === '4' ? 7 : 4)).toBe(false);
    }
    expect(uid.isValidUuid(uuid.NIL)).toBe(true);
    expect(uid.isValidUuid(uuid.MAX)).toBe(true);
    const id = uuid.v4();
    const wrong = [
      '',
      'abc',
      id.replaceAll('-', ''),
      `{${id}}`,
      `urn:uuid:${id}`,
      ` ${id}`,
      `${id}\n`,
      id.slice(1),
    ];
    for (const text of [...wrong, undefined, null, 7, 7n, {}, [id], Buffer.from(uuid.parse(id))])
      expect(uid.isValidUuid(text)).toBe(false);
  });

  it.each(['abc', '', uuid.v4(), uuid.NIL, uuid.MAX, 7, undefined, null, {}])(
    'parseUuidV7(%p) is INVALID_ARGUMENT',
    (id) => {
      expect(() => uid.parseUuidV7(id as string)).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
      );
    },
  );
});
