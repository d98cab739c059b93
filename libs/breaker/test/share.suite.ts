import { afterEach, describe, expect, it } from '@jest/globals';
import type { CacheProvider } from '@infra-kit/cache';
import { eventually, FakeClock } from '@infra-kit/kernel/testing';
import { createBreaker, type BreakerOptions, type BreakerProvider } from '../src/index.js';
import { fail, succeed } from './breakers.js';
import { QuietLogger } from './quiet-logger.js';

export interface Instance {
  readonly provider: BreakerProvider;
  readonly clock: FakeClock;
  readonly logger: QuietLogger;
  /** Fails until the breaker is open by its own judgement. */
  readonly trip: (name?: string) => Promise<void>;
}

const INTERVAL_MS = 1000;

/** An instance of the service, on a clock of its own. */
export async function instance(cache: CacheProvider, options: BreakerOptions = {}): Promise<Instance> {
  const clock = new FakeClock();
  const logger = new QuietLogger();
  const provider = await createBreaker(
    {
      default: { failureThreshold: 2, openStateTimeoutMs: 3_600_000, successThreshold: 1 },
      share: { quorum: 2, intervalMs: INTERVAL_MS },
      ...options,
    },
    { env: 'test', clock, logger, cache, service: 'orders' },
  );
  return {
    provider,
    clock,
    logger,
    trip: async (name = 'payment') => {
      for (let call = 0; call < 2; call++)
        await provider
          .get(name)
          .execute(fail)
          .catch(() => undefined);
    },
  };
}

/** One exchange of every instance, and what comes of it. */
const exchange = (...all: readonly Instance[]): Promise<unknown> =>
  Promise.all(all.map(({ clock }) => clock.advance(INTERVAL_MS)));
const states = (name: string, ...all: readonly Instance[]): string[] =>
  all.map(({ provider }) => provider.get(name).state);

/** What sharing does over any cache; `cacheOf` gives each instance its own way to the same store. */
export function describeSharing(title: string, cacheOf: () => Promise<CacheProvider>): void {
  describe(title, () => {
    const opened: { close(): Promise<void> }[] = [];
    afterEach(async () => {
      for (const each of opened.splice(0).toReversed()) await each.close();
    });
    const join = async (options?: BreakerOptions): Promise<Instance> => {
      const cache = await cacheOf();
      const joined = await instance(cache, options);
      opened.push(cache, joined.provider);
      return joined;
    };
    /** Exchanges until it is so. */
    const until = (all: readonly Instance[], holds: () => void): Promise<void> =>
      eventually(async () => {
        await exchange(...all);
        holds();
      });
    /** Some exchanges in which something that must not happen could happen. */
    const meanwhile = async (...all: readonly Instance[]): Promise<void> => {
      for (let round = 0; round < 3; round++) {
        await exchange(...all);
        await Promise.all(all.map(({ provider }) => provider.health()));
      }
    };

    it('opens a breaker for all when a quorum of instances sees it failing, and not before', async () => {
      const name = `payment 支付 ${Math.random()}`;
      const [one, two, three, late] = [await join(), await join(), await join(), await join()];
      states(name, one, two, three);
      await one.trip(name);
      await meanwhile(one, two, three);
      expect(states(name, one, two, three)).toEqual(['open', 'closed', 'closed']);
      await two.trip(name);
      await until([one, two, three, late], () => expect(states(name, three)).toEqual(['open']));
      const told = three.logger.lines.find(({ message }) => message === 'breaker opened');
      expect(told?.fields).toMatchObject({ breaker: name, reason: 'quorum' });
      await until([late], () => expect(states(name, late)).toEqual(['open']));
    });

    it('tells the others at once, without waiting for its turn', async () => {
      const name = `mail ${Math.random()}`;
      const share = { share: { quorum: 1, intervalMs: INTERVAL_MS } };
      const [one, two] = [await join(share), await join(share)];
      states(name, one, two);
      await one.trip(name);
      await until([two], () => expect(states(name, two)).toEqual(['open']));
    });

    it('lets an instance’s own probes decide after that: the fleet does not open it again', async () => {
      const name = `probed ${Math.random()}`;
      const share = { share: { quorum: 1, intervalMs: INTERVAL_MS } };
      const [one, two] = [
        await join(share),
        await join({ ...share, default: { openStateTimeoutMs: 5000, successThreshold: 1 } }),
      ];
      states(name, one, two);
      await one.trip(name);
      await until([two], () => expect(states(name, two)).toEqual(['open']));
      await two.clock.advance(5000);
      await two.provider.get(name).execute(succeed);
      await meanwhile(one, two);
      expect(states(name, one, two)).toEqual(['open', 'closed']);
    });

    it('reports what it saw itself, not what it was told: views do not feed each other', async () => {
      const name = `echo ${Math.random()}`;
      const share = { share: { quorum: 1, intervalMs: INTERVAL_MS } };
      const [one, two] = [await join(share), await join(share)];
      states(name, one, two);
      await one.trip(name);
      await until([two], () => expect(states(name, two)).toEqual(['open']));
      one.provider.get(name).reset();
      await meanwhile(one, two);
      const three = await join(share);
      await meanwhile(three);
      expect(states(name, three)).toEqual(['closed']);
    });

    it('leaves other breakers, and breakers that are isolated or disabled, alone', async () => {
      const name = `shared ${Math.random()}`;
      const share = { share: { quorum: 1, intervalMs: INTERVAL_MS } };
      const [one, two] = [await join(share), await join(share)];
      two.provider.get(name).isolate();
      two.provider.get(`${name} too`);
      await one.trip(name);
      await meanwhile(one, two);
      expect(states(name, two)).toEqual(['isolated']);
      expect(states(`${name} too`, two)).toEqual(['closed']);
    });
  });
}
