import { describe, expect, it } from '@jest/globals';
import { assignPartitions } from '@infra-kit/mq';
import { FakeClock, seededRandom } from '@infra-kit/kernel/testing';
import { MemoryBroker } from '@infra-kit/mq/testing';
import { Lanes } from '../src/consuming/lanes.js';
import { PartitionRun } from '../src/consuming/partition-run.js';
import { backoff, nextStep, type SettledRetry } from '../src/consuming/retry-plan.js';

const policy: SettledRetry = {
  attempts: 3,
  backoffMs: 100,
  maxBackoffMs: 500,
  factor: 2,
  jitter: 0,
  mode: 'in-place',
  fatal: undefined,
};
const failure = (tries: number, fatal = false): { tries: number; fatal: boolean; random: number } => ({
  tries,
  fatal,
  random: 0,
});

describe('the retry plan', () => {
  it.each([
    [1, false, true, { kind: 'again', afterMs: 100 }],
    [2, false, true, { kind: 'again', afterMs: 200 }],
    [3, false, true, { kind: 'dead-letter' }],
    [1, true, true, { kind: 'dead-letter' }],
    [3, false, false, { kind: 'again', afterMs: 400 }],
    [9, true, false, { kind: 'again', afterMs: 500 }],
  ])('after try %i (fatal %j, dead letters %j) is %j', (tries, fatal, dead, step) => {
    expect(nextStep(policy, failure(tries, fatal), dead)).toEqual(step);
  });

  it('goes by retry topics of rising level', () => {
    const topics = { ...policy, mode: 'topics' as const };
    expect([1, 2, 3].map((tries) => nextStep(topics, failure(tries), true))).toEqual([
      { kind: 'retry-topic', level: 1, afterMs: 100 },
      { kind: 'retry-topic', level: 2, afterMs: 200 },
      { kind: 'dead-letter' },
    ]);
  });

  it('waits longer each time up to the most, less by as much as the jitter says', () => {
    expect([1, 2, 3, 4].map((tries) => backoff(policy, tries, 0.99))).toEqual([100, 200, 400, 500]);
    const half = { ...policy, jitter: 0.5 };
    expect([0, 0.5, 1].map((random) => backoff(half, 1, random))).toEqual([100, 75, 50]);
  });
});

describe('the position of a partition', () => {
  it('is the lowest unfinished offset, whatever the order of finishing', () => {
    const random = seededRandom();
    const run = new PartitionRun({ topic: 't', partition: 0 }, 10n, undefined);
    const offsets = Array.from({ length: 3000 }, (_, index) => 10n + BigInt(index * (1 + (index % 2))));
    const rising = [...new Set(offsets)].toSorted((a, b) => (a < b ? -1 : 1));
    const record = (offset: bigint) => ({ offset, key: null, value: null, headers: {}, timestamp: 0 });
    const open = run.take(rising.map((offset) => record(offset)));
    expect(run.take([record(10n)])).toEqual([]); // known already
    const last = (rising.at(-1) ?? 0n) + 1n;
    while (open.length > 0) {
      const [delivery] = open.splice(random.int(0, open.length - 1), 1);
      if (delivery === undefined) break;
      run.finish(delivery);
      const lowest = open[0]?.record.offset ?? last;
      if (run.position !== lowest) expect(run.position).toBe(lowest);
    }
    expect([run.position, run.unfinished]).toEqual([last, 0]);
  });
});

describe('lanes', () => {
  it('keep order within each and never run more than the slots at once, with random waits', async () => {
    const random = seededRandom();
    const clock = new FakeClock();
    const ran: number[] = [];
    let running = 0;
    let most = 0;
    const lanes = new Lanes<number>({
      clock,
      slots: 3,
      batch: 1,
      run: async ([item = -1]) => {
        most = Math.max(most, ++running);
        await clock.sleep(random.int(0, 20));
        running--;
        if (random.next() < 0.2) return random.int(1, 30);
        ran.push(item);
        return undefined;
      },
    });
    for (let item = 0; item < 200; item++) lanes.add(item, item % 7);
    lanes.go();
    for (let step = 0; step < 500 && ran.length < 200; step++) await clock.advance(10);
    expect(most).toBe(3);
    for (let lane = 0; lane < 7; lane++)
      expect(ran.filter((item) => item % 7 === lane)).toEqual(
        Array.from({ length: 200 }, (_, item) => item).filter((item) => item % 7 === lane),
      );
  });
});

describe('partitions of a group', () => {
  it('are shared out evenly and wholly, each to a member that wants its topic', () => {
    const members = [
      { id: 'c', topics: ['x'] },
      { id: 'a', topics: ['x', 'y'] },
      { id: 'b', topics: ['y'] },
    ];
    const shares = assignPartitions(members, (topic) => (topic === 'x' ? 5 : 4));
    const of = (id: string): string[] =>
      (shares.get(id) ?? []).map(({ topic, partition }) => `${topic}${partition}`);
    expect([...of('a'), ...of('b'), ...of('c')].toSorted()).toEqual([
      'x0',
      'x1',
      'x2',
      'x3',
      'x4',
      'y0',
      'y1',
      'y2',
      'y3',
    ]);
    expect(of('b').every((place) => place.startsWith('y'))).toBe(true);
    expect(of('c').every((place) => place.startsWith('x'))).toBe(true);
  });
});

describe('the memory broker', () => {
  it('keeps the newest records of a partition, by count', () => {
    const broker = new MemoryBroker({ clock: new FakeClock(), maxRecordsPerPartition: 3 });
    broker.createTopic({ name: 't', partitions: 1, replication: 1, config: {} });
    const record = { partition: 0, key: null, value: null, headers: {}, timestamp: undefined };
    for (let index = 0; index < 10; index++) broker.append('t', [record]);
    expect(broker.bounds('t')).toEqual([{ partition: 0, low: 7n, high: 10n }]);
    const kept = broker.partition('t', 0).read(0n, 100);
    expect(kept.map(({ offset }) => offset)).toEqual([7n, 8n, 9n]);
  });
});
