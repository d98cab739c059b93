import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { formatTraceparent, InfraContext, parseTraceparent } from '@infra-kit/kernel';
import { inSpan, installContextManager } from './open-telemetry.js';

const A = 'a'.repeat(32);
const B = 'b'.repeat(32);
const SPAN = '1'.repeat(16);

describe('inject', () => {
  it('writes nothing without a context', () => {
    expect(InfraContext.inject({})).toEqual({});
  });

  it('writes traceparent, x-trace-id and, with a deadline, x-deadline-ms', () => {
    const headers = InfraContext.run({ traceId: A, timeoutMs: 5_000 }, () =>
      InfraContext.inject<Record<string, string>>({}),
    );
    expect(headers['x-trace-id']).toBe(A);
    expect(headers['traceparent']).toMatch(new RegExp(`^00-${A}-[0-9a-f]{16}-00$`));
    expect(Number(headers['x-deadline-ms'])).toBeGreaterThan(4_000);
    expect(Number(headers['x-deadline-ms'])).toBeLessThanOrEqual(5_000);
  });

  it('writes no deadline when there is none, and 0 when it has passed', () => {
    expect(InfraContext.run({}, () => InfraContext.inject({}))).not.toHaveProperty('x-deadline-ms');
    const late = InfraContext.run({ deadline: Date.now() - 1_000 }, () => InfraContext.inject({}));
    expect(late).toMatchObject({ 'x-deadline-ms': '0' });
  });

  it('writes through the setter given', () => {
    const written = new Map<string, string>();
    InfraContext.run({ traceId: A }, () =>
      InfraContext.inject(written, (carrier, key, value) => carrier.set(key, value)),
    );
    expect(written.get('x-trace-id')).toBe(A);
  });

  it("passes the caller's span through when no span of our own is active", () => {
    const traceparent = `00-${B}-${SPAN}-01`;
    const headers = InfraContext.run({ traceparent }, () => InfraContext.inject({}));
    expect(headers).toMatchObject({ traceparent });
  });

  describe('with an OpenTelemetry span active', () => {
    let installed: Disposable;
    beforeAll(() => {
      installed = installContextManager();
    });
    afterAll(() => installed[Symbol.dispose]());

    it('names that span, its trace and its sampling', () => {
      const headers = InfraContext.run({ traceId: A }, () =>
        inSpan({ traceId: B, spanId: SPAN }, () => InfraContext.inject({})),
      );
      expect(headers).toMatchObject({ traceparent: `00-${B}-${SPAN}-01`, 'x-trace-id': B });
    });
  });
});

describe('extract', () => {
  it('gives back what inject wrote', () => {
    const headers = InfraContext.run({ traceId: A, timeoutMs: 5_000 }, () => InfraContext.inject({}));
    InfraContext.run(InfraContext.extract(headers), () => {
      expect(InfraContext.traceId()).toBe(A);
      expect(InfraContext.remainingMs()).toBeGreaterThan(4_000);
      expect(InfraContext.remainingMs()).toBeLessThanOrEqual(5_000);
    });
  });

  it.each([
    ['any case', { 'X-Trace-Id': A }],
    ['the first of several', { 'x-trace-id': [A, B] }],
    ['bytes, as Kafka has them', { 'x-trace-id': Buffer.from(A) }],
  ])('reads %s', (_what, carrier) => {
    expect(InfraContext.extract(carrier).traceId).toBe(A);
  });

  it('reads through the getter given', () => {
    const headers = new Map([['x-trace-id', A]]);
    expect(InfraContext.extract(headers, (carrier, key) => carrier.get(key)).traceId).toBe(A);
  });

  it('lets traceparent win over x-trace-id', () => {
    const found = InfraContext.extract({ traceparent: `00-${B}-${SPAN}-01`, 'x-trace-id': A });
    expect(found.traceId).toBe(B);
  });

  it.each([
    { traceparent: `00-${'0'.repeat(32)}-${SPAN}-01` },
    { traceparent: `00-${A}-${'0'.repeat(16)}-01` },
    { traceparent: `ff-${A}-${SPAN}-01` },
    { traceparent: `00-${A}-${SPAN}-01-more` },
    { traceparent: `00-${A.toUpperCase()}-${SPAN}-01` },
    { traceparent: `00-${A}-${SPAN}` },
    { traceparent: 'x'.repeat(100_000) },
    { traceparent: { toString: () => `00-${A}-${SPAN}-01` } },
    { traceparent: [] },
    { 'x-trace-id': '0'.repeat(32) },
    { 'x-trace-id': `${A}${A}` },
    { 'x-trace-id': `${A.slice(1)}\u0130` },
    { 'x-trace-id': 42 },
    { 'x-deadline-ms': '-1' },
    { 'x-deadline-ms': '1e3' },
    { 'x-deadline-ms': '0x10' },
    { 'x-deadline-ms': 'NaN' },
    { 'x-deadline-ms': '99999999999999999999' },
    { 'x-deadline-ms': ' ' },
  ])('leaves out what is not valid: %#', (carrier) => {
    expect(InfraContext.extract(carrier)).toEqual({});
  });

  it('takes a later version of traceparent with members it does not know', () => {
    expect(parseTraceparent(`01-${A}-${SPAN}-03-more`)).toEqual({ traceId: A, spanId: SPAN, flags: 3 });
  });

  it('is not fooled by names that every object has', () => {
    const carrier = JSON.parse(`{ "__proto__": { "x-trace-id": "${A}" } }`) as object;
    expect(InfraContext.extract(carrier)).toEqual({});
  });

  it('writes back what it parsed', () => {
    const text = `00-${A}-${SPAN}-01`;
    const parsed = parseTraceparent(text);
    expect(parsed && formatTraceparent(parsed)).toBe(text);
  });
});
