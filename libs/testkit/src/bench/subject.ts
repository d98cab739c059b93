/** One thing to be measured. */
export interface Subject {
  readonly name: string;
  /**
   * One iteration. What it returns is kept for a moment, so that the engine cannot leave the work out; a promise is
   * awaited.
   */
  run(): unknown;
}

/** Runs that many iterations and answers the mean seconds of one. */
export type Timer = (iterations: number) => number | Promise<number>;

type Loop = (subject: Subject, iterations: number) => unknown;

/** Holds the last result of each loop: an observable effect. */
const sink: { last: unknown } = { last: undefined };

/** A loop compiled for one subject alone: in a shared one its call would stop being inlined at the next subject. */
function compileLoop(kind: 'function' | 'async function', call: string): Loop {
  const body = `let last; for (let i = 0; i < iterations; i++) last = ${call}; return last;`;
  // oxlint-disable-next-line typescript/no-implied-eval -- a constant text
  return new Function(`return ${kind} (subject, iterations) { ${body} }`)() as Loop;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/**
 * Calls the subject once to see whether it is asynchronous, and makes its timer. Of an asynchronous subject
 * `concurrency` iterations are under way at any time; a synchronous one ignores it.
 */
export async function timerOf(subject: Subject, concurrency: number): Promise<Timer> {
  const first = subject.run();
  if (!isThenable(first)) {
    const loop = compileLoop('function', 'subject.run()');
    return (iterations) => {
      const started = performance.now();
      sink.last = loop(subject, iterations);
      return (performance.now() - started) / 1_000 / iterations;
    };
  }
  await first;
  const loop = compileLoop('async function', 'await subject.run()');
  return async (iterations) => {
    const each = Math.ceil(iterations / concurrency);
    const started = performance.now();
    sink.last = await Promise.all(Array.from({ length: concurrency }, () => loop(subject, each)));
    return (performance.now() - started) / 1_000 / (each * concurrency);
  };
}
