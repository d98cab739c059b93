import { SystemClock, type Clock } from '../ports/clock.js';

/** What a faulty driver does instead of answering. */
type Fault =
  | { readonly kind: 'none' }
  | { readonly kind: 'fail'; readonly error: () => unknown }
  | { readonly kind: 'hang' }
  | { readonly kind: 'delay'; readonly ms: number };

export interface Faulty<D extends object> {
  /** Behaves as the driver given, until told otherwise. */
  readonly driver: D;
  /** Every call (or the named methods alone) fails with what `error` makes. */
  fail(error: () => unknown, methods?: readonly (keyof D)[]): void;
  /** Calls do not settle until `heal`, then they are carried out. */
  hang(methods?: readonly (keyof D)[]): void;
  delay(ms: number, methods?: readonly (keyof D)[]): void;
  heal(): void;
  /** Calls that have reached the driver's surface, by method; those of a part by the part's name. */
  readonly calls: ReadonlyMap<PropertyKey, number>;
}

/** Drivers answer it at once, whatever becomes of the server. */
const NEVER_DISTURBED: ReadonlySet<PropertyKey> = new Set(['codeOf']);

export interface FaultyOptions<D> {
  readonly clock?: Clock | undefined;
  /** Members that are objects with methods of their own: a call of any of those counts as one of the member. */
  readonly parts?: readonly (keyof D)[] | undefined;
}

/**
 * Puts faults around any driver whose methods return promises; other members, and `codeOf`, pass through untouched.
 * Name the methods where the driver has others that answer at once.
 */
export function faulty<D extends object>(real: D, options: FaultyOptions<D> = {}): Faulty<D> {
  const clock = options.clock ?? new SystemClock();
  let fault: Fault = { kind: 'none' };
  let only: ReadonlySet<PropertyKey> | undefined;
  let healed = Promise.withResolvers<void>();
  const calls = new Map<PropertyKey, number>();

  const set = (next: Fault, methods?: readonly PropertyKey[]): void => {
    fault = next;
    only = methods && new Set(methods);
  };
  const spared = (method: PropertyKey): boolean =>
    fault.kind === 'none' || NEVER_DISTURBED.has(method) || only?.has(method) === false;

  async function disturbed(run: () => unknown): Promise<unknown> {
    if (fault.kind === 'fail') throw fault.error();
    if (fault.kind === 'hang') await healed.promise;
    if (fault.kind === 'delay') await clock.sleep(fault.ms);
    return run();
  }

  const parts = new Set<PropertyKey>(options.parts);
  const around = <T extends object>(whole: T, part?: PropertyKey): T =>
    new Proxy(whole, {
      get(target, property) {
        const member: unknown = Reflect.get(target, property, target);
        if (part === undefined && parts.has(property) && typeof member === 'object' && member !== null)
          return around(member, property);
        if (typeof member !== 'function') return member;
        const name = part ?? property;
        return (...args: unknown[]): unknown => {
          calls.set(name, (calls.get(name) ?? 0) + 1);
          const run = (): unknown => Reflect.apply(member, target, args);
          return spared(name) ? run() : disturbed(run);
        };
      },
    });

  return {
    driver: around(real),
    calls,
    fail: (error, methods) => set({ kind: 'fail', error }, methods),
    hang: (methods) => set({ kind: 'hang' }, methods),
    delay: (ms, methods) => set({ kind: 'delay', ms }, methods),
    heal: () => {
      set({ kind: 'none' });
      healed.resolve();
      healed = Promise.withResolvers<void>();
    },
  };
}
