import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isDeepStrictEqual } from 'node:util';
import { InfraError } from '@infra-kit/kernel';
import { seededRandom } from '@infra-kit/kernel/testing';
import {
  BreakerOpenError,
  createBreaker,
  type Breaker,
  type BreakerPolicy,
  type BreakerPolicyOptions,
} from '../src/index.js';
import { policies, steps, type Step } from './histories.js';
import { ManualClock } from './manual-clock.js';
import { QuietLogger } from './quiet-logger.js';
import { ReferenceModel, type Ending, type ModelCall } from './reference-model.js';

interface Underway {
  readonly model: ModelCall;
  readonly finish: (ending: Exclude<Ending, 'timeout'>) => void;
  settled: boolean;
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const ENDINGS: Readonly<Record<'failure' | 'tolerated' | 'ignored', () => Error>> = {
  failure: () => new Error('down'),
  tolerated: () => new InfraError('NOT_FOUND', 'no such thing'),
  ignored: () => Object.assign(new Error('never mind'), { ignored: true }),
};

/** Walks a breaker and the model through one history, and compares after every step. */
class Walk {
  readonly #clock = new ManualClock();
  readonly #policy: BreakerPolicyOptions;
  readonly #model: ReferenceModel;
  readonly #calls: Underway[] = [];
  readonly visited = new Set<string>();
  #breaker: Breaker | undefined;

  constructor(policy: BreakerPolicyOptions) {
    this.#policy = { ...policy, isIgnored: (error) => Reflect.get(Object(error), 'ignored') === true };
    this.#model = new ReferenceModel(policy as BreakerPolicy);
  }

  async walk(history: readonly Step[]): Promise<void> {
    const provider = await createBreaker({}, { clock: this.#clock, env: 'test', logger: new QuietLogger() });
    this.#breaker = provider.get('walked', this.#policy);
    for (const step of history) {
      await this.#take(step, this.#breaker);
      await settle();
      this.#compare(this.#breaker);
    }
    await provider.close();
  }

  async #take(step: Step, breaker: Breaker): Promise<void> {
    if (step.do === 'call') await this.#call(breaker);
    else if (step.do === 'wait') await this.#wait(step.ms);
    else if (step.do === 'end') this.#end(step.which, step.ending);
    else {
      breaker[step.do]();
      this.#model[step.do]();
    }
  }

  async #call(breaker: Breaker): Promise<void> {
    const arrival = this.#model.arrive();
    const caller = new AbortController();
    const work = Promise.withResolvers<void>();
    let started = false;
    const result = breaker.execute(
      async () => {
        started = true;
        await work.promise;
      },
      { signal: caller.signal },
    );
    const refused = result.then(
      () => undefined,
      (error: unknown) => (error instanceof BreakerOpenError ? error : undefined),
    );
    if (started !== arrival.passed) expect({ passed: started }).toEqual(arrival);
    if (!arrival.passed) return expect((await refused)?.retryAfterMs).toBe(arrival.retryAfterMs);
    const finish: Underway['finish'] = (ending) => {
      if (ending === 'cancelled') caller.abort();
      else if (ending === 'success') work.resolve();
      else work.reject(ENDINGS[ending]());
    };
    this.#calls.push({ model: arrival.call, finish, settled: false });
  }

  #end(which: number, ending: Exclude<Ending, 'timeout'>): void {
    const running = this.#calls.filter(({ model }) => !model.over);
    const call = running[which % Math.max(1, running.length)];
    if (call === undefined) return;
    call.finish(ending);
    this.#model.end(call.model, ending);
  }

  /** Time limits strike one by one, each at its own time. */
  async #wait(ms: number): Promise<void> {
    const target = this.#model.now + ms;
    const { timeoutMs = Infinity } = this.#policy;
    const running = this.#calls.filter(({ model }) => !model.over && model.since + timeoutMs <= target);
    for (const { model } of running) {
      this.#model.now = model.since + timeoutMs;
      this.#model.end(model, 'timeout');
    }
    this.#model.now = target;
    await this.#clock.advance(ms, settle);
  }

  #compare(breaker: Breaker): void {
    const model = this.#model;
    this.visited.add(model.state);
    const { outcomes } = model;
    const expected = {
      state: model.state,
      calls: outcomes.length,
      failures: outcomes.filter(({ failed }) => failed).length,
      slow: outcomes.filter(({ slow }) => slow).length,
      consecutiveFailures: model.consecutive,
      notPermitted: model.notPermitted,
      openUntil: model.state === 'open' ? ManualClock.EPOCH + model.openUntil : undefined,
      openings: ['open', 'half-open'].includes(model.state) ? model.openings : undefined,
      probes: model.state === 'half-open' ? model.probes : undefined,
    };
    const { failureRate, slowRate, openUntil, openings, probes, ...seen } = breaker.snapshot();
    // expect() is slow where nothing is wrong, and this runs a hundred thousand times
    if (!isDeepStrictEqual({ ...seen, openUntil, openings, probes }, expected))
      expect({ ...seen, openUntil, openings, probes }).toEqual(expected);
    if (
      failureRate !== share(expected.failures, expected.calls) ||
      slowRate !== share(expected.slow, expected.calls)
    )
      expect({ failureRate, slowRate, ...seen }).toBe('rates that fit their counts');
  }
}

const share = (some: number, all: number): number => (all === 0 ? 0 : some / all);

describe('a breaker beside an independent model of the contract', () => {
  it('decides, counts and changes its state as the model does, in every history', async () => {
    const { seed } = seededRandom();
    const visited = new Map<string, number>();
    const numRuns = 3000;
    await fc.assert(
      fc.asyncProperty(policies, steps, async (policy, history) => {
        const walk = new Walk(policy);
        await walk.walk(history);
        for (const state of walk.visited) visited.set(state, (visited.get(state) ?? 0) + 1);
      }),
      { seed, numRuns },
    );
    // a walk that never leaves the first state would prove nothing
    for (const state of ['closed', 'open', 'half-open', 'isolated'])
      expect(visited.get(state)).toBeGreaterThan(numRuns / 10);
  }, 300_000);
});
