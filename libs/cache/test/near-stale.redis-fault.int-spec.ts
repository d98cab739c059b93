import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { seededRandom } from '@infra-kit/kernel/testing';
import { launchRedis, type RunningServer } from '@infra-kit/testkit';

interface Report {
  readonly reads: number;
  readonly hits: number;
  readonly writes: number;
  readonly fences: number;
  readonly stale: number;
  readonly examples: readonly string[];
}

const WORKER = join(import.meta.dirname, 'fixtures/near-worker.ts');
const MINUTE_MS = 60_000;

let server: RunningServer;
beforeAll(async () => {
  server = await launchRedis();
});
afterAll(() => server.stop());

function work(job: object): Promise<Report> {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', WORKER, JSON.stringify(job)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => {
      const [, report] = /^report (.*)$/m.exec(said) ?? [];
      if (report === undefined) reject(new Error(`the worker said no more than: ${said}`));
      else resolve(JSON.parse(report) as Report);
    });
  });
}

let runs = 0;
/** Two processes, each of which writes its own keys and reads both's, at random. */
async function twoProcesses(options: {
  readonly forMs: number;
  readonly forgets?: number;
}): Promise<Report[]> {
  const random = seededRandom();
  const keyPrefix = `run${runs++}:`;
  const [a, b] = ['a', 'b'].map((me) =>
    work({
      url: server.url,
      keyPrefix,
      me,
      other: me === 'a' ? 'b' : 'a',
      forgets: 0,
      seed: random.int(0, 2 ** 30),
      ...options,
    }),
  );
  return Promise.all([a, b].filter((each) => each !== undefined));
}

const total = (reports: readonly Report[], field: 'stale' | 'fences' | 'hits' | 'reads'): number =>
  reports.reduce((sum, report) => sum + report[field], 0);
const examples = (reports: readonly Report[]): string[] => reports.flatMap((report) => report.examples);

describe('two processes that write and read at random', () => {
  it('never read what is older than an invalidation that has arrived, nor than a write of their own', async () => {
    const reports = await twoProcesses({ forMs: MINUTE_MS });
    expect(examples(reports)).toEqual([]);
    expect(total(reports, 'stale')).toBe(0);
    for (const { fences, hits } of reports) {
      expect(fences).toBeGreaterThan(100);
      expect(hits).toBeGreaterThan(1000);
    }
  }, 240_000);

  it('never do so while their connections for invalidations are cut again and again', async () => {
    const raw = new Redis(server.url);
    let cuts = 0;
    const cutting = setInterval(() => {
      void raw.call('CLIENT', 'KILL', 'TYPE', 'pubsub').then((killed) => (cuts += Number(killed)));
    }, 150);
    const reports = await twoProcesses({ forMs: 10_000 });
    clearInterval(cutting);
    raw.disconnect();
    expect(examples(reports)).toEqual([]);
    expect(total(reports, 'stale')).toBe(0);
    expect(cuts).toBeGreaterThan(10);
    for (const { fences, hits } of reports) {
      expect(fences).toBeGreaterThan(10);
      expect(hits).toBeGreaterThan(20);
    }
  }, 120_000);

  it.each([1, 50])(
    'do when one in %d invalidations is not heeded (control)',
    async (forgets) => {
      const reports = await twoProcesses({ forMs: 5000, forgets });
      expect(total(reports, 'stale')).toBeGreaterThan(0);
    },
    120_000,
  );
});
