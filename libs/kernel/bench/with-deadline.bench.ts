import { InfraContext, withDeadline } from '@infra-kit/kernel';
import { compare } from '@infra-kit/testkit/bench';

const answer = (): Promise<number> => Promise.resolve(1);
const signal = new AbortController().signal;

/** As a caller would write it by hand: a signal a call, a timer, and a race. */
async function byHand(timeoutMs: number): Promise<number> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      controller.abort();
      reject(new Error('late'));
    }, timeoutMs);
  });
  try {
    return await Promise.race([answer(), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The bare call and work that takes as long as `withDeadline` may add, gauged by the fastest of many runs. */
function withWork(microseconds: number): () => Promise<number> {
  const work = (turns: number): number => {
    let sum = 0;
    for (let n = 0; n < turns; n++) sum += Math.sqrt(n);
    return sum;
  };
  const turns = 100_000;
  const fastestMs = Math.min(
    ...Array.from({ length: 50 }, () => {
      const started = performance.now();
      work(turns);
      return performance.now() - started;
    }),
  );
  const enough = Math.round((turns * microseconds) / (fastestMs * 1_000));
  return () => (work(enough) < 0 ? Promise.reject(new Error('never')) : answer());
}

const nothingLimits = {
  baseline: { name: 'bare call and 1 µs of work', run: withWork(1) },
  subjects: [
    {
      name: 'withDeadline',
      run: () => withDeadline(undefined, Infinity, 'a.b', answer),
      goal: '<= 1',
    },
    { name: 'bare call', run: answer },
  ],
} as const;

await compare({ title: 'withDeadline, nothing limits the call, no context', ...nothingLimits });
await InfraContext.run({}, () =>
  compare({ title: 'withDeadline, nothing limits the call, in a context', ...nothingLimits }),
);

await compare({
  title: 'withDeadline with a limit: timer, AbortController and race by hand',
  baseline: { name: 'by hand', run: () => byHand(1_000) },
  subjects: [
    { name: 'timeoutMs', run: () => withDeadline({ timeoutMs: 1_000 }, Infinity, 'a.b', answer) },
    { name: 'signal', run: () => withDeadline({ signal }, Infinity, 'a.b', answer) },
    { name: 'both', run: () => withDeadline({ signal, timeoutMs: 1_000 }, Infinity, 'a.b', answer) },
  ],
});
