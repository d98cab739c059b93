import { fork, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@infra-kit/kernel/testing';
import { IdStore } from './fixtures/id-store.js';

const FIXTURES = join(import.meta.dirname, 'fixtures');
const children = new Set<ChildProcess>();
let folder: string;

beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'infra-kit-uid-'))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
});

interface Report {
  readonly issuedAt: number;
  readonly newest: string;
  readonly instanceId: number;
  readonly refused: number;
}

/** A child that issues ids into a file of its own. */
class Issuer {
  readonly child: ChildProcess;
  readonly ready: Promise<void>;
  readonly #file: string;
  #latest: Report | undefined;

  constructor(script: string, name: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.#file = join(folder, `${name}.ids`);
    this.child = fork(join(FIXTURES, script), [this.#file, ...args], {
      execArgv: [],
      env: { ...process.env, ...env },
    });
    children.add(this.child);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ready = promise;
    this.child.on('message', (message: 'ready' | Partial<Report>) => {
      if (message === 'ready') resolve();
      else if (message.newest !== undefined) this.#latest = message as Report;
    });
  }

  get latest(): Report {
    if (this.#latest === undefined) throw new Error('nothing reported yet');
    return this.#latest;
  }

  /** Resolves with the ids when the child has ended well. */
  async ids(): Promise<BigUint64Array> {
    const { child } = this;
    const code = child.exitCode ?? (await new Promise((resolve) => child.once('exit', resolve)));
    expect(code).toBe(0);
    const bytes = readFileSync(this.#file);
    return new BigUint64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  }
}

function repeatedIn(lists: readonly BigUint64Array[]): number {
  const all = new BigUint64Array(lists.reduce((sum, list) => sum + list.length, 0));
  let at = 0;
  for (const list of lists) {
    all.set(list, at);
    at += list.length;
  }
  all.sort();
  let repeated = 0;
  for (let i = 1; i < all.length; i++) if (all[i] === all[i - 1]) repeated++;
  return repeated;
}

describe('four processes at once', () => {
  async function issue(name: string, each: number, env: NodeJS.ProcessEnv): Promise<BigUint64Array[]> {
    const store = new IdStore();
    const issuers = [1, 2, 3, 4].map(
      (n) => new Issuer('issue-many.mjs', `${name}-${n}`, [String(each)], env),
    );
    for (const { child } of issuers) store.serve(child);
    await Promise.all(issuers.map((issuer) => issuer.ready));
    for (const { child } of issuers) child.send('go');
    return Promise.all(issuers.map((issuer) => issuer.ids()));
  }

  it('make 10,000,000 ids without a duplicate', async () => {
    const lists = await issue('many', 2_500_000, { INSTANCE_ID: '0' });
    expect(lists.map(({ length }) => length)).toEqual(Array.from({ length: 4 }, () => 2_500_000));
    expect(repeatedIn(lists)).toBe(0);
    expect(new Set(lists.map((list) => ((list[0] ?? 0n) >> 12n) & 1023n))).toEqual(new Set([1n, 2n, 3n, 4n]));
  }, 60_000);

  it('control: under one id for all, ids come twice', async () => {
    expect(repeatedIn(await issue('same', 500_000, { INSTANCE_ID: '7' }))).toBeGreaterThan(0);
  }, 60_000);
});

describe('a process stopped past its lease, and continued', () => {
  async function stopAndContinue(
    kind: 'careful' | 'credulous',
  ): Promise<{ stopped: Issuer; lists: BigUint64Array[] }> {
    const store = new IdStore();
    const begin = (name: string): Issuer => {
      const issuer = new Issuer('issue-until-told.mjs', `${kind}-${name}`, [kind]);
      store.serve(issuer.child);
      return issuer;
    };
    const stopped = begin('stopped');
    await eventually(() => expect(BigInt(stopped.latest.newest)).toBeGreaterThan(0n), { withinMs: 10_000 });
    expect(stopped.latest.instanceId).toBe(1);

    stopped.child.kill('SIGSTOP');
    await eventually(() => expect(store.isFree(1)).toBe(true), { withinMs: 10_000 });
    const successor = begin('successor');
    await eventually(() => expect(BigInt(successor.latest.newest)).toBeGreaterThan(0n), { withinMs: 10_000 });
    expect(successor.latest.instanceId).toBe(1);

    const continuedAt = Date.now();
    stopped.child.kill('SIGCONT');
    for (const { child } of [stopped, successor]) expect(child.exitCode).toBeNull();
    await eventually(
      () => {
        for (const { latest } of [stopped, successor]) {
          const newestAt = Number(BigInt(latest.newest) >> 22n) + Date.UTC(2020, 0, 1);
          expect(newestAt).toBeGreaterThan(continuedAt + 300);
        }
      },
      { withinMs: 20_000 },
    );
    for (const { child } of [stopped, successor]) child.send('stop');
    return { stopped, lists: await Promise.all([stopped.ids(), successor.ids()]) };
  }

  it('issues nothing with it: it goes on under a new id, and no id comes twice', async () => {
    const { stopped, lists } = await stopAndContinue('careful');
    expect(stopped.latest).toMatchObject({ instanceId: 2 });
    expect(stopped.latest.refused).toBeGreaterThan(0);
    expect(repeatedIn(lists)).toBe(0);
    const [own = new BigUint64Array(), successors = new BigUint64Array()] = lists;
    const underTheOldId = own.filter((id) => ((id >> 12n) & 1023n) === 1n);
    expect(underTheOldId.at(-1)).toBeLessThan(successors[0] ?? 0n);
  }, 60_000);

  it('control: a holder that does not look at its lease repeats its successor’s ids', async () => {
    const { lists } = await stopAndContinue('credulous');
    expect(repeatedIn(lists)).toBeGreaterThan(0);
  }, 60_000);
});
