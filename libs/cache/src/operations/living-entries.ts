import { isInfraError, type CallOptions } from '@infra-kit/kernel';
import { beyondExact, inexactCounter, type CachePlace } from '../cache.errors.js';
import type { CacheDriver, DriverCall, DriverWrite, Encoded } from '../drivers/cache-driver.js';
import type { AtomicScript } from '../scripts/atomic-script.js';
import type { CallRunner } from './call-runner.js';
import { needsLook, type EntryReader } from './entry-reader.js';
import { addToEntry, touchEntry } from './entry-scripts.js';
import { headText, isCut, markedEntry, metaOf } from './stored-entry.js';

/** What is kept beside a value is shorter than this, but for many or long tags. */
const HEAD_BYTES = 1024;

interface Parts {
  readonly place: CachePlace;
  readonly driver: CacheDriver;
  readonly runner: CallRunner;
  readonly entries: EntryReader;
}

/** Which entry: the caller's key, for messages, and the full one. */
export interface EntryPlace {
  readonly key: string;
  readonly fullKey: string;
}

/** The options of each step of a call, in turn: see `CallRunner.steps`. */
type Step = () => CallOptions | undefined;

interface Looked {
  /** What is kept beside the value, as it is stored; '' for nothing, and for an entry of another kind. */
  readonly head: string;
  readonly staleMs: number;
  /** None at all; stored, but a miss to readers; or there. */
  readonly is: 'absent' | 'void' | 'living';
  /** Milliseconds until it is a miss. */
  readonly leftMs: number;
}

/**
 * Calls that ask whether there is an entry, or depend on it: an entry that `get` does not give, since it is stale or void
 * by a tag, is none to them. Versions of tags may lie on another server than the entry, so that no single step can see
 * both: the entry is looked at, and what is done then is done only while it is still that one. What is void stays void,
 * so it may be taken away at any time without anyone seeing it.
 */
export class LivingEntries {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async count(fullKeys: readonly string[], step: Step): Promise<number> {
    const { driver, runner, entries } = this.#parts;
    const [count, heads] = await runner.run('exists', step(), (call) =>
      Promise.all([driver.exists(fullKeys, call), this.#heads(fullKeys, call)]),
    );
    const living = await entries.fresh(fullKeys, heads, step());
    const gone = heads.filter((head, at) => head !== undefined && living[at] === undefined).length;
    return Math.max(0, count - gone);
  }

  async leftMs(at: EntryPlace, step: Step): Promise<number | undefined> {
    const looked = await this.#look(at, step, 'ttlMs');
    return looked.is === 'living' ? looked.leftMs : undefined;
  }

  /** Sets the ttl of what is there; its stale time comes behind that. */
  async expire(at: EntryPlace, ttlMs: number | undefined, step: Step): Promise<boolean> {
    const { driver, runner } = this.#parts;
    for (;;) {
      const { is, head, staleMs } = await this.#look(at, step, 'look');
      if (is !== 'living') return false;
      if (ttlMs === undefined || staleMs === 0 || !driver.capabilities.scripts) {
        const whole = ttlMs === undefined ? undefined : ttlMs + staleMs;
        return runner.run('expire', step(), (call) => driver.expire(at.fullKey, whole, call), at.key);
      }
      if (await this.#run(touchEntry, at, [head, '', String(ttlMs + staleMs)], step)) return true;
    }
  }

  async write(at: EntryPlace, data: Encoded, write: DriverWrite, step: Step): Promise<boolean> {
    const { driver, runner } = this.#parts;
    let value = data;
    if (write.condition === 'present' || write.keepTtl === true) {
      const looked = await this.#look(at, step, 'look');
      if (write.condition === 'present' && looked.is !== 'living') return false;
      if (looked.is === 'void') await this.#remove(at, looked, step);
      // the time that is kept is fresh and stale time together
      else if (write.keepTtl === true && looked.staleMs > 0)
        value = markedEntry(data, { staleMs: looked.staleMs });
    }
    for (;;) {
      const done = await runner.run(
        'set',
        step(),
        (call) => driver.set(at.fullKey, value, write, call),
        at.key,
      );
      if (done || write.condition !== 'absent' || !(await this.#sweep(at, step))) return done;
    }
  }

  /** Writes, and answers what was there before. */
  async swap(at: EntryPlace, data: Encoded, write: DriverWrite, step: Step): Promise<Encoded | undefined> {
    const { driver, runner, entries } = this.#parts;
    const { is, head } = await this.#look(at, step, 'look');
    const before = await runner.run(
      'getAndSet',
      step(),
      (call) => driver.getAndSet(at.fullKey, data, write, call),
      at.key,
    );
    if (is === 'void' && headText(before) === head) return undefined;
    return (await entries.isCurrent(metaOf(before), step())) ? before : undefined;
  }

  async add(at: EntryPlace, by: number, step: Step): Promise<number> {
    const { driver, runner, place } = this.#parts;
    for (;;) {
      try {
        const sum = await runner.run(
          'increment',
          step(),
          (call) => driver.increment(at.fullKey, by, call),
          at.key,
        );
        if (!Number.isSafeInteger(sum)) throw inexactCounter(place, at.key);
        return sum;
      } catch (error) {
        // what is kept beside a value makes it no number to the store
        if (!isInfraError(error) || error.code !== 'FAILED_PRECONDITION' || runner.closed) throw error;
        const looked = await this.#look(at, step, 'look');
        if (looked.head === '' || !driver.capabilities.scripts) throw error;
        if (looked.is === 'void') await this.#remove(at, looked, step);
        if (looked.is !== 'living') continue;
        const sum = await this.#run(addToEntry, at, [looked.head, String(by)], step);
        if (sum === 'no number') throw error;
        if (sum === 'beyond') throw beyondExact(place, at.key);
        if (sum !== 'changed') return sum;
      }
    }
  }

  /** True when there was an entry that is void, and which is gone now. */
  async #sweep(at: EntryPlace, step: Step): Promise<boolean> {
    if (!this.#parts.driver.capabilities.scripts) return false;
    const looked = await this.#look(at, step, 'look');
    if (looked.is === 'void') await this.#remove(at, looked, step);
    return looked.is !== 'living';
  }

  async #remove(at: EntryPlace, { head, staleMs, leftMs }: Looked, step: Step): Promise<void> {
    if (!this.#parts.driver.capabilities.scripts) return;
    // void by a tag is every entry with this head, stale is one only that was not renewed meanwhile
    await this.#run(touchEntry, at, [head, leftMs > 0 ? '' : String(staleMs), '0'], step);
  }

  async #look(at: EntryPlace, step: Step, name: 'ttlMs' | 'look'): Promise<Looked> {
    const { driver, runner, entries } = this.#parts;
    const [left, [data]] = await runner.run(
      name,
      step(),
      (call) => Promise.all([driver.ttlMs(at.fullKey, call), this.#heads([at.fullKey], call)]),
      at.key,
    );
    const meta = metaOf(data);
    const staleMs = meta?.staleMs ?? 0;
    const looked = { head: headText(data), staleMs, leftMs: (left ?? 0) - staleMs };
    if (left === undefined) return { ...looked, is: 'absent' };
    if (!needsLook(meta)) return { ...looked, is: 'living' };
    const current = looked.leftMs > 0 && (await entries.isCurrent(meta, step()));
    return { ...looked, is: current ? 'living' : 'void' };
  }

  async #heads(fullKeys: readonly string[], call: DriverCall): Promise<readonly (Encoded | undefined)[]> {
    const { driver } = this.#parts;
    if (driver.starts === undefined) return driver.getMany(fullKeys, call);
    const starts = await driver.starts(fullKeys, HEAD_BYTES, call);
    const cut = fullKeys.filter((_key, at) => isCut(starts[at]));
    if (cut.length === 0) return starts;
    const whole = await driver.getMany(cut, call);
    const found = new Map(cut.map((key, at) => [key, whole[at]]));
    return fullKeys.map((key, at) => (found.has(key) ? found.get(key) : starts[at]));
  }

  async #run<R>(
    script: AtomicScript<R>,
    { fullKey }: EntryPlace,
    args: readonly string[],
    step: Step,
  ): Promise<R> {
    const { driver, runner } = this.#parts;
    return script.decode(
      await runner.run('script', step(), (call) => driver.run(script, [fullKey], args, call), script.name),
    );
  }
}
