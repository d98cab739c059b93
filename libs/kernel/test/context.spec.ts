import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { InfraContext, withDeadline, type ContextInit } from '@infra-kit/kernel';
import { inSpan, installContextManager } from './open-telemetry.js';

const A = 'a'.repeat(32);
const B = 'b'.repeat(32);
const SPAN = '1'.repeat(16);

describe('InfraContext.run', () => {
  it('returns what the function returns, synchronous or not', async () => {
    expect(InfraContext.run({}, () => 5)).toBe(5);
    await expect(InfraContext.run({}, () => Promise.resolve(6))).resolves.toBe(6);
  });

  it('lets an error of the function out as the same object', () => {
    const own = new Error('own');
    expect(() =>
      InfraContext.run({}, () => {
        throw own;
      }),
    ).toThrow(own);
  });

  it('has no context outside and the given one across awaits, timers and callbacks', async () => {
    expect(InfraContext.current()).toBeUndefined();
    expect(InfraContext.traceId()).toBeUndefined();
    await InfraContext.run({ traceId: A }, async () => {
      await new Promise((resolve) => setImmediate(resolve));
      expect(InfraContext.traceId()).toBe(A);
      await new Promise<void>((resolve) => setTimeout(resolve, 1));
      expect(InfraContext.traceId()).toBe(A);
    });
    expect(InfraContext.current()).toBeUndefined();
  });

  it('makes a trace id of 32 hex digits when there is none, a different one each time', () => {
    const one = InfraContext.run({}, () => InfraContext.traceId());
    const two = InfraContext.run({}, () => InfraContext.traceId());
    expect(one).toMatch(/^[0-9a-f]{32}$/);
    expect(two).not.toBe(one);
  });

  it('inherits trace id, deadline, signal and attributes', () => {
    const { signal } = new AbortController();
    const deadline = Date.now() + 60_000;
    InfraContext.run({ traceId: A, deadline, signal, attributes: { tenant: 't' } }, () => {
      const outer = InfraContext.current();
      InfraContext.run({}, () => expect(InfraContext.current()).toEqual(outer));
    });
  });

  it('merges attributes, the inner ones winning', () => {
    InfraContext.run({ attributes: { tenant: 't', user: 'u' } }, () =>
      InfraContext.run({ attributes: { user: 'v' } }, () =>
        expect(InfraContext.current()?.attributes).toEqual({ tenant: 't', user: 'v' }),
      ),
    );
  });

  it('detach leaves the context for work that outlives it', () => {
    InfraContext.run({ traceId: A, timeoutMs: 10 }, () => {
      expect(InfraContext.detach(() => InfraContext.current())).toBeUndefined();
      expect(InfraContext.traceId()).toBe(A);
    });
  });
});

describe('the deadline', () => {
  it('is Infinity without one', () => {
    expect(InfraContext.remainingMs()).toBe(Infinity);
    InfraContext.run({}, () => expect(InfraContext.remainingMs()).toBe(Infinity));
  });

  it.each([
    ['a Date', (at: number): ContextInit => ({ deadline: new Date(at) })],
    ['epoch milliseconds', (at: number): ContextInit => ({ deadline: at })],
  ])('given as %s is kept to the millisecond', (_kind, init) => {
    const at = Date.now() + 30_000;
    InfraContext.run(init(at), () => {
      expect(InfraContext.current()?.deadline).toBe(at);
      expect(InfraContext.remainingMs()).toBeGreaterThan(29_000);
      expect(InfraContext.remainingMs()).toBeLessThanOrEqual(30_000);
    });
  });

  it('given as timeoutMs counts from now', () => {
    InfraContext.run({ timeoutMs: 30_000 }, () => {
      expect(InfraContext.remainingMs()).toBeGreaterThan(29_000);
      expect(InfraContext.remainingMs()).toBeLessThanOrEqual(30_000);
    });
  });

  it.each([
    ['the outer', { timeoutMs: 1_000 }, { timeoutMs: 60_000 }],
    ['the inner', { timeoutMs: 60_000 }, { timeoutMs: 1_000 }],
    ['the absolute', {}, { deadline: Date.now() + 1_000, timeoutMs: 60_000 }],
    ['the relative', {}, { deadline: Date.now() + 60_000, timeoutMs: 1_000 }],
  ])('that is nearer wins: %s', (_which, outer, inner) => {
    InfraContext.run(outer, () =>
      InfraContext.run(inner, () => expect(InfraContext.remainingMs()).toBeLessThanOrEqual(1_000)),
    );
  });

  it('is negative once it has passed', () => {
    InfraContext.run({ deadline: Date.now() - 500 }, () =>
      expect(InfraContext.remainingMs()).toBeLessThanOrEqual(-500),
    );
  });

  it('does not move with the wall clock', () => {
    const real = Date.now;
    InfraContext.run({ timeoutMs: 60_000 }, () => {
      Date.now = () => real() + 3_600_000;
      try {
        expect(InfraContext.remainingMs()).toBeGreaterThan(59_000);
        InfraContext.run({}, () => expect(InfraContext.remainingMs()).toBeGreaterThan(59_000));
      } finally {
        Date.now = real;
      }
    });
  });

  it('of Infinity is none', () => {
    InfraContext.run({ deadline: Infinity, timeoutMs: Infinity }, () => {
      expect(InfraContext.remainingMs()).toBe(Infinity);
      expect(InfraContext.current()?.deadline).toBeUndefined();
    });
  });

  it.each([
    [{ deadline: new Date('no date') }, /deadline .* got Invalid Date/],
    [{ deadline: Number.NaN }, /deadline .* got NaN/],
    [{ timeoutMs: -1 }, /timeoutMs .* got -1/],
    [{ timeoutMs: Number.NaN }, /timeoutMs .* got NaN/],
  ])('that is no time is INVALID_ARGUMENT and nothing runs: %p', (init, message) => {
    let ran = false;
    const run = (): void => InfraContext.run(init, () => void (ran = true));
    expect(run).toThrow(message);
    expect(run).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    expect(ran).toBe(false);
  });
});

describe('the signal', () => {
  it.each(['outer', 'inner'] as const)('aborts when the %s one does', (which) => {
    const controllers = { outer: new AbortController(), inner: new AbortController() };
    InfraContext.run({ signal: controllers.outer.signal }, () =>
      InfraContext.run({ signal: controllers.inner.signal }, () => {
        const signal = InfraContext.current()?.signal;
        expect(signal?.aborted).toBe(false);
        controllers[which].abort(new Error(which));
        expect(signal?.reason).toEqual(new Error(which));
      }),
    );
  });

  it('is the same object when only one is there', () => {
    const { signal } = new AbortController();
    InfraContext.run({ signal }, () =>
      InfraContext.run({ signal }, () => expect(InfraContext.current()?.signal).toBe(signal)),
    );
  });
});

describe('the trace id', () => {
  const traceparent = `00-${B}-${SPAN}-01`;

  it.each([
    ['32 hex digits are taken', { traceId: A }, A],
    ['upper case is written lower', { traceId: A.toUpperCase() }, A],
    ['traceparent wins', { traceId: A, traceparent }, B],
    ['a bad traceparent leaves the trace id', { traceId: A, traceparent: 'nonsense' }, A],
  ])('%s', (_rule, init, expected) => {
    InfraContext.run(init, () => expect(InfraContext.traceId()).toBe(expected));
  });

  it.each([
    '0'.repeat(32),
    'a'.repeat(31),
    'a'.repeat(33),
    'g'.repeat(32),
    '',
    `${A}\n`,
    `${A}\r\nset-cookie: x`,
  ])('that is not valid is replaced: %j', (traceId) => {
    InfraContext.run({ traceId }, () => {
      expect(InfraContext.traceId()).toMatch(/^[0-9a-f]{32}$/);
      expect(InfraContext.traceId()).not.toBe(traceId);
    });
  });

  it("keeps the caller's span as long as the trace is the same", () => {
    InfraContext.run({ traceparent }, () => {
      expect(InfraContext.current()?.parent).toEqual({ traceId: B, spanId: SPAN, flags: 1 });
      InfraContext.run({}, () => expect(InfraContext.current()?.parent?.spanId).toBe(SPAN));
      InfraContext.run({ traceId: A }, () => expect(InfraContext.current()?.parent).toBeUndefined());
    });
  });

  describe('with an OpenTelemetry span active', () => {
    let installed: Disposable;
    beforeAll(() => {
      installed = installContextManager();
    });
    afterAll(() => installed[Symbol.dispose]());

    it("is the span's first", () => {
      InfraContext.run({ traceId: A }, () =>
        inSpan({ traceId: B, spanId: SPAN }, () => expect(InfraContext.traceId()).toBe(B)),
      );
    });

    it('is taken from the span by a new context, and stays after the span', async () => {
      const later = inSpan({ traceId: B, spanId: SPAN }, () =>
        InfraContext.run({}, () => () => InfraContext.current()?.traceId),
      );
      expect(later()).toBeUndefined();
      inSpan({ traceId: B, spanId: SPAN }, () =>
        InfraContext.run({}, () => expect(InfraContext.current()?.traceId).toBe(B)),
      );
    });

    it('of a span that is not valid is passed over', () => {
      InfraContext.run({ traceId: A }, () =>
        inSpan({ traceId: '0'.repeat(32), spanId: SPAN }, () => expect(InfraContext.traceId()).toBe(A)),
      );
    });
  });
});

it('limits an I/O call without the caller handing anything on', async () => {
  const hanging = InfraContext.run({ timeoutMs: 20 }, () =>
    withDeadline(undefined, Infinity, 'cache.get', () => new Promise<never>(() => undefined)),
  );
  await expect(hanging).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
});
