import { circuitBreaker, ConsecutiveBreaker, CountBreaker, handleAll } from 'cockatiel';
import CircuitBreaker from 'opossum';
import { createBreaker, type Breaker } from '@infra-kit/breaker';
import { compare, compareMemory } from '@infra-kit/testkit/bench';

/** What is called: it answers at once, so that what is measured is the breaker. */
const answer = async (): Promise<number> => 1;
const answerWithSignal = async (_signal: AbortSignal): Promise<number> => 1;
const failure = new Error('unavailable');
const fail = async (): Promise<number> => {
  throw failure;
};

const OPEN_MS = 3_600_000;
const breakers = await createBreaker({ default: { openStateTimeoutMs: OPEN_MS } });
const opossumOptions = { timeout: false, errorThresholdPercentage: 50, volumeThreshold: 10 } as const;
const cockatielOf = (): ReturnType<typeof circuitBreaker> =>
  circuitBreaker(handleAll, {
    halfOpenAfter: OPEN_MS,
    breaker: new CountBreaker({ size: 100, threshold: 0.5, minimumNumberOfCalls: 10 }),
  });

const infra = breakers.get('closed');
const opossum = new CircuitBreaker(answer, opossumOptions);
const opossumWithSignal = new CircuitBreaker(answerWithSignal, {
  ...opossumOptions,
  abortController: new AbortController(),
});
const cockatiel = cockatielOf();

await compare({
  title: 'closed, a function that takes no signal',
  baseline: { name: 'bare await', run: answer },
  subjects: [
    { name: 'breaker.execute', run: () => infra.execute(answer), goal: '<= 2.5' },
    { name: 'cockatiel', run: () => cockatiel.execute(answer) },
    { name: 'opossum', run: () => opossum.fire() },
  ],
});

await compare({
  title: 'closed, a function that takes a signal',
  baseline: {
    name: 'async wrapper with one AbortController',
    run: async () => {
      const controller = new AbortController();
      return await answerWithSignal(controller.signal);
    },
  },
  subjects: [
    { name: 'breaker.execute', run: () => infra.execute(answerWithSignal), goal: '<= 1.25' },
    { name: 'cockatiel', run: () => cockatiel.execute(({ signal }) => answerWithSignal(signal)) },
    {
      name: 'opossum (one controller for all calls)',
      run: () => opossumWithSignal.fire(new AbortController().signal),
    },
  ],
});

async function opened(): Promise<Breaker> {
  const breaker = breakers.get('open');
  for (let call = 0; call < 10; call++) await breaker.execute(fail).catch(() => undefined);
  return breaker;
}
const open = await opened();
const openCockatiel = circuitBreaker(handleAll, {
  halfOpenAfter: OPEN_MS,
  breaker: new ConsecutiveBreaker(1),
});
await openCockatiel.execute(fail).catch(() => undefined);
const openOpossum = new CircuitBreaker(fail, { ...opossumOptions, resetTimeout: OPEN_MS });
openOpossum.open();

/** Awaits what rejects, as a caller would. */
async function caught(call: () => Promise<unknown>): Promise<unknown> {
  try {
    return await call();
  } catch (error) {
    return error;
  }
}

await compare({
  title: 'open: a call that is turned away',
  baseline: { name: 'awaiting a function that throws one shared error', run: () => caught(fail) },
  subjects: [
    { name: 'breaker.execute', run: () => caught(() => open.execute(answer)), goal: '<= 1.5' },
    { name: 'cockatiel', run: () => caught(() => openCockatiel.execute(answer)) },
    { name: 'opossum', run: () => caught(() => openOpossum.fire()) },
  ],
});

const MANY = 10_000;
await compareMemory({
  title: `${MANY} breakers, each called once`,
  baseline: {
    name: 'cockatiel',
    build: async () => {
      const all = Array.from({ length: MANY }, cockatielOf);
      for (const breaker of all) await breaker.execute(answer);
      return all;
    },
  },
  subjects: [
    {
      name: '@infra-kit/breaker',
      goal: '< 1',
      build: async () => {
        const provider = await createBreaker();
        for (let index = 0; index < MANY; index++) await provider.get(`b${index}`).execute(answer);
        return provider;
      },
    },
    {
      name: 'opossum',
      build: async () => {
        const all = Array.from({ length: MANY }, () => new CircuitBreaker(answer, opossumOptions));
        for (const breaker of all) await breaker.fire();
        return {
          all,
          // each holds timers, which hold it
          [Symbol.dispose]: () => all.forEach((breaker) => breaker.shutdown()),
        };
      },
    },
  ],
});
process.exit(0);
