import { describe, expect, it } from '@jest/globals';
import { seededRandom, type SeededRandom } from '@infra-kit/kernel/testing';
import {
  ClockRollbackError,
  createUid,
  WorkerIdSource,
  type UidProvider,
  type WorkerIdLease,
} from '@infra-kit/uid';
import { ReadingClock } from './fixtures/clocks.js';
import { RecordingLogger } from './fixtures/recording-logger.js';

const WALKS = 10_000;
const STEPS = 6;
const START = Date.UTC(2026, 4, 1);
const logger = new RecordingLogger();

/** One instance id, whose mark outlives the process; with `forgets`, the control, it does not. */
class OneId extends WorkerIdSource {
  #markMs: number | undefined;

  constructor(readonly memory: 'keeps' | 'forgets') {
    super();
  }

  override acquire(): Promise<WorkerIdLease> {
    return Promise.resolve({
      id: 1,
      signal: new AbortController().signal,
      highWaterMs: this.memory === 'keeps' ? this.#markMs : undefined,
      remainingMs: () => Infinity,
      saveHighWater: async (ms: number) => void (this.#markMs = ms),
      release: async () => undefined,
    });
  }
}

/** Issues a few ids; a refusal is as good as none. */
function issue(uid: UidProvider, random: SeededRandom, into: bigint[]): void {
  try {
    const many =
      random.int(0, 99) === 0 ? uid.snowflakes(random.int(4000, 5000)) : uid.snowflakes(random.int(1, 20));
    for (const id of many) into.push(id);
  } catch (error) {
    if (!(error instanceof ClockRollbackError) && !(error as Error).message.includes('high-water'))
      throw error;
  }
}

/** A life of several processes under one id: each issues, has its clock stepped, and crashes or is closed. Answers the ids in order. */
async function walk(random: SeededRandom, source: WorkerIdSource): Promise<bigint[]> {
  const clock = new ReadingClock(START, 8);
  const ids: bigint[] = [];
  const begin = (): Promise<UidProvider> =>
    createUid({ serviceName: 'walk' }, { workerIdSource: source, clock, logger, env: 'production' });
  let uid = await begin();
  for (let step = 0; step < STEPS; step++) {
    issue(uid, random, ids);
    clock.step(random.pick([0, 1, 1, 5, 700, 4000, -1, -3, -9, -11, -500, -2000, -60_000]));
    for (let tick = 0; tick < 8; tick++) await Promise.resolve(); // a mark that was met is renewed
    if (random.int(0, 3) > 0) continue;
    if (random.int(0, 1) === 0) await uid.close();
    uid = await begin(); // without close(): a crash
  }
  await uid.close();
  return ids;
}

function firstDisorder(ids: readonly bigint[]): number {
  return ids.findIndex((id, index) => index > 0 && id <= (ids[index - 1] ?? id));
}

describe('random walks of the clock, with restarts', () => {
  it(`no id comes twice, nor out of order, in ${WALKS} walks`, async () => {
    const random = seededRandom();
    let issued = 0;
    for (let number = 0; number < WALKS; number++) {
      const ids = await walk(random, new OneId('keeps'));
      const wrong = firstDisorder(ids);
      if (wrong !== -1) throw new Error(`walk ${number}: ${ids[wrong]} after ${ids[wrong - 1]}`);
      issued += ids.length;
    }
    expect(issued).toBeGreaterThan(WALKS * 30);
  }, 60_000);

  it('control: without a durable mark some walks repeat an id', async () => {
    const random = seededRandom();
    let repeated = 0;
    for (let number = 0; number < WALKS / 20; number++) {
      const ids = await walk(random, new OneId('forgets'));
      if (new Set(ids).size < ids.length) repeated++;
    }
    expect(repeated).toBeGreaterThan(0);
  });
});
