import { describe, expect, it } from '@jest/globals';
import { eventually } from '@infra-kit/kernel/testing';
import { sharedEtcd, uniqueName } from '@infra-kit/testkit';
import { Child, type Message } from './fixtures/children.js';

const PROCESSES = 5;
const PATIENT = { withinMs: 60_000 };
const LONG_MS = 300_000;

/** Keeps the counter that the processes add to; shows whether it looks at tokens. */
class Counter {
  value = 0;
  #highest = 0n;
  readonly #checked: boolean;

  constructor(mode: 'checked' | 'unchecked') {
    this.#checked = mode === 'checked';
  }

  serve(child: Child): void {
    child.process.on('message', (message: Message) => {
      const { kind, id } = message;
      if (kind === 'read') child.send({ id, value: this.#admits(message) ? this.value : -1 });
      if (kind === 'write') child.send({ id, accepted: this.#write(message) });
      if (kind === 'grown') this.value = Math.max(this.value, Number(message['value']));
    });
  }

  #write(message: Message): boolean {
    if (!this.#admits(message)) return false;
    this.value = Number(message['value']);
    return true;
  }

  #admits({ token }: Message): boolean {
    const shown = BigInt(String(token));
    if (this.#checked && shown < this.#highest) return false;
    this.#highest = shown;
    return true;
  }
}

/** Five processes add to one counter; each of the first `stops` is stopped past its ttl while it holds the lock. */
async function run(keeper: 'parent' | 'guard', counter: Counter, stops: number) {
  const args = [sharedEtcd().url, `/${uniqueName('fencing')}`, keeper];
  const children = Array.from({ length: PROCESSES }, () => new Child('counter-worker.mjs', args));
  for (const child of children) counter.serve(child);
  await Promise.all(children.map((child) => child.message('ready')));
  for (const child of children.slice(0, stops)) {
    child.send('stop');
    await child.message('stopping');
    const before = counter.value;
    // the others have had the lock since: its ttl is over
    await eventually(() => expect(counter.value).toBeGreaterThan(before + 2), PATIENT);
    await eventually(() => {
      child.continue(); // again, should it come before the stop on a busy machine
      expect(child.heard.some(({ kind }) => kind === 'went on')).toBe(true);
    }, PATIENT);
  }
  for (const child of children) child.send('end');
  const reports = await Promise.all(children.map((child) => child.message('report')));
  const sum = (field: string): number => reports.reduce((total, report) => total + Number(report[field]), 0);
  return { added: sum('added'), refused: sum('refused'), lost: sum('added') - counter.value };
}

describe('5 processes add to a counter under one lock of 2 s, stopped in turn past its ttl while they hold it', () => {
  it(
    'no update is lost when the counter looks at the token',
    async () => {
      const { added, refused, lost } = await run('parent', new Counter('checked'), PROCESSES);
      expect(lost).toBe(0);
      expect(refused).toBeGreaterThanOrEqual(PROCESSES);
      expect(added).toBeGreaterThan(PROCESSES);
    },
    LONG_MS,
  );

  it(
    'no update is lost when the counter is in etcd and written by guarded transactions',
    async () => {
      const { refused, lost } = await run('guard', new Counter('unchecked'), 2);
      expect(lost).toBe(0);
      expect(refused).toBeGreaterThanOrEqual(2);
    },
    LONG_MS,
  );

  it(
    'the control: updates are lost when nobody looks at the token',
    async () => {
      const { lost } = await run('parent', new Counter('unchecked'), 2);
      expect(lost).toBeGreaterThan(0);
    },
    LONG_MS,
  );
});
