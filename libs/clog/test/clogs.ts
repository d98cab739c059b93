import { FakeClock } from '@infra-kit/kernel/testing';
import { createClog, type ClogOptions, type ClogDeps, type ClogProvider } from '@infra-kit/clog';
import { CapturedLines } from '@infra-kit/clog/testing';

export interface CapturedClog extends AsyncDisposable {
  readonly clog: ClogProvider;
  readonly captured: CapturedLines;
  readonly clock: FakeClock;
}

/** A clog on a clock that stands still, writing into memory. */
export async function capturedClog(config: ClogOptions = {}, deps: ClogDeps = {}): Promise<CapturedClog> {
  const captured = new CapturedLines();
  const clock = new FakeClock();
  const clog = await createClog(
    { level: 'trace', ...config },
    { env: 'test', clock, sink: captured, ...deps },
  );
  return { clog, captured, clock, [Symbol.asyncDispose]: () => clog.close() };
}

/** The value at a path of a line. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((inner, key) => Reflect.get(Object(inner), key), value);
}
