import { describe, expect, it } from '@jest/globals';
import { seededRandom, type SeededRandom } from '@infra-kit/kernel/testing';
import {
  ClockRollbackError,
  createUid,
  defaultUidConfig,
  WorkerIdSource,
  type WorkerIdLease,
} from '@infra-kit/uid';
import { InstanceIdHolder } from '../src/instance-id/instance-id-holder.js';
import { SnowflakeIssuer } from '../src/snowflake/snowflake-issuer.js';
import { Timeline } from '../src/snowflake/timeline.js';
import { ReadingClock } from './fixtures/clocks.js';
import { RecordingLogger } from './fixtures/recording-logger.js';

const WALKS = 10_000;
const WALKS_BY_THE_FRONT = 500;
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

interface Maker {
  snowflakes(n: number): bigint[];
  close(): Promise<void>;
}
type Start = (source: WorkerIdSource, clock: ReadingClock) => Promise<Maker>;

const byTheFront: Start = (workerIdSource, clock) =>
  createUid({ serviceName: 'walk' }, { workerIdSource, clock, logger, env: 'production' });

/** What `createUid` puts together, without the reading of a configuration, which is most of its time. */
const byParts: Start = async (source, clock) => {
  const config = defaultUidConfig('production');
  const timeline = new Timeline(config.epochMs);
  const holder = new InstanceIdHolder(config, { name: 'walk', source, clock, logger, timeline });
  const issuer = new SnowflakeIssuer(config.maxRollbackMs, { name: 'walk', clock, timeline, holder });
  await holder.start();
  return { snowflakes: (n) => issuer.issueMany(n), close: () => holder.close() };
};

/** Issues a few ids; a refusal is as good as none. */
function issue(uid: Maker, random: SeededRandom, into: bigint[]): void {
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
async function walk(start: Start, random: SeededRandom, source: WorkerIdSource): Promise<bigint[]> {
  const clock = new ReadingClock(START, 8);
  const ids: bigint[] = [];
  let uid = await start(source, clock);
  for (let step = 0; step < STEPS; step++) {
    issue(uid, random, ids);
    clock.step(random.pick([0, 1, 1, 5, 700, 4000, -1, -3, -9, -11, -500, -2000, -60_000]));
    for (let tick = 0; tick < 8; tick++) await Promise.resolve(); // a mark that was met is renewed
    if (random.int(0, 3) > 0) continue;
    if (random.int(0, 1) === 0) await uid.close();
    uid = await start(source, clock); // without close(): a crash
  }
  await uid.close();
  return ids;
}

function firstDisorder(ids: readonly bigint[]): number {
  return ids.findIndex((id, index) => index > 0 && id <= (ids[index - 1] ?? id));
}

interface Walked {
  readonly wrong: readonly string[];
  readonly issued: number;
  readonly repeated: number;
}

async function walks(count: number, start: Start, memory: OneId['memory']): Promise<Walked> {
  const random = seededRandom();
  const wrong: string[] = [];
  let issued = 0;
  let repeated = 0;
  for (let number = 0; number < count; number++) {
    const ids = await walk(start, random, new OneId(memory));
    const at = firstDisorder(ids);
    if (at !== -1) wrong.push(`walk ${number}: ${ids[at]} after ${ids[at - 1]}`);
    issued += ids.length;
    repeated += ids.length - new Set(ids).size;
  }
  return { wrong, issued, repeated };
}

describe('random walks of the clock, with restarts', () => {
  it(`no id comes twice, nor out of order, in ${WALKS} walks`, async () => {
    const { wrong, issued } = await walks(WALKS, byParts, 'keeps');
    expect(wrong).toEqual([]);
    expect(issued).toBeGreaterThan(WALKS * 30);
  }, 60_000);

  it(`nor in ${WALKS_BY_THE_FRONT} walks through createUid`, async () => {
    expect(await walks(WALKS_BY_THE_FRONT, byTheFront, 'keeps')).toMatchObject({ wrong: [] });
  });

  it('control: without a durable mark some walks repeat an id', async () => {
    const { repeated } = await walks(WALKS_BY_THE_FRONT, byParts, 'forgets');
    expect(repeated).toBeGreaterThan(0);
  });
});
