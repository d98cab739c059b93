import { describe, expect, it } from '@jest/globals';
import { InfraError } from '@infra-kit/kernel';
import { at, capturedClog } from './clogs.js';

function circular(): object {
  const ring: { name: string; self?: object; list?: object[] } = { name: 'ring' };
  ring.self = ring;
  ring.list = [ring];
  return ring;
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

const throwing = (): object => ({
  get bad(): never {
    throw new Error('no reading');
  },
  good: 1,
});

const failing = {
  'a circular value': circular,
  'a bigint': () => ({ n: 10n }),
  'a throwing getter': throwing,
  'a toJSON that throws': () => ({
    toJSON(): never {
      throw new Error('no');
    },
  }),
  'a revoked proxy': revoked,
} as const;

describe('values that JSON cannot say', () => {
  it.each(Object.entries(failing))('%s makes JSON.stringify throw (control)', (_name, make) => {
    expect(() => JSON.stringify({ value: make() })).toThrow();
  });

  it.each(Object.entries(failing))(
    '%s never throws out of a log call, nested, at the top or bound',
    async (_name, make) => {
      await using app = await capturedClog();
      app.clog.root.info('nested', { value: make(), beside: 1 });
      app.clog.root.info('top', make());
      app.clog.root.with(make()).info('bound');
      app.clog.root.info(make() as unknown as string);
      expect(app.captured.lines.map(({ msg }) => msg).slice(0, 3)).toEqual(['nested', 'top', 'bound']);
      expect(app.captured.lines).toHaveLength(4);
      expect(app.captured.lines[0]).toMatchObject({ beside: 1 });
    },
  );

  it('are said in words', async () => {
    await using app = await capturedClog();
    app.clog.root.info('x', {
      ring: circular(),
      n: 12345678901234567890n,
      s: Symbol('mark'),
      f: function named() {},
      date: new Date(0),
      noDate: new Date(Number.NaN),
      bytes: Buffer.from('abc'),
      set: new Set([1, 'two']),
      re: /a+/g,
      nothing: undefined,
      bad: throwing(),
    });
    expect(app.captured.last).toMatchObject({
      ring: { name: 'ring', self: '[circular]', list: ['[circular]'] },
      n: '12345678901234567890',
      s: 'Symbol(mark)',
      f: '[Function: named]',
      date: '1970-01-01T00:00:00.000Z',
      noDate: 'Invalid Date',
      bytes: '[Buffer: 3 bytes]',
      set: [1, 'two'],
      re: '/a+/g',
      bad: { bad: '[unreadable: no reading]', good: 1 },
    });
    expect(app.captured.last).not.toHaveProperty('nothing');
  });

  it('may log while they are being read', async () => {
    await using app = await capturedClog();
    const chatty = {
      get inner(): string {
        app.clog.root.info('from inside', { password: 'p', deep: { a: [1] } });
        return 'read';
      },
    };
    app.clog.root.info('outside', { before: { x: 1 }, chatty, after: { y: 2 } });
    expect(app.captured.lines.map(({ msg }) => msg)).toEqual(['from inside', 'outside']);
    expect(app.captured.last).toMatchObject({ before: { x: 1 }, chatty: { inner: 'read' }, after: { y: 2 } });
  });
});

describe('what is too much is cut and says so', () => {
  const MB10 = 10 * 1024 * 1024;

  it('a 10 MB string, as a field, in depth, bound and as the message', async () => {
    await using app = await capturedClog();
    const long = 'x'.repeat(MB10);
    app.clog.root.info('field', { long });
    app.clog.root.info('deep', { a: { b: [long] } });
    app.clog.root.with({ long }).info('bound');
    app.clog.root.info(long);
    for (const text of app.captured.texts) {
      expect(text.length).toBeLessThan(100_000);
      expect(text).toContain(`[cut: 32768 of ${MB10} characters]`);
      expect(() => void JSON.parse(text)).not.toThrow();
    }
  });

  it('a 10 MB key and a 10 MB namespace', async () => {
    await using app = await capturedClog({ burst: { perSecond: 1, first: 2 } });
    const long = 'k'.repeat(MB10);
    app.clog.root.info('key', { [long]: 1 });
    app.clog.root.with({ [long]: 1 }).info('bound');
    for (let n = 0; n < 3; n++) app.clog.logger(long).info('namespace');
    app.clog.native.info({ namespace: long }, 'native');
    await app.clog.flush();
    expect(app.captured.texts).toHaveLength(6);
    for (const text of app.captured.texts) {
      expect(text.length).toBeLessThan(100_000);
      expect(text).toContain(`[cut: 32768 of ${MB10} characters]`);
    }
  });

  it('a deep value', async () => {
    await using app = await capturedClog();
    let deep: object = { end: true };
    for (let level = 0; level < 5000; level++) deep = { deep };
    app.clog.root.info('x', { deep });
    expect(app.captured.texts[0]).toContain('[cut: nested deeper than 10]');
  });

  it('a wide one', async () => {
    await using app = await capturedClog();
    const wide = Object.fromEntries(Array.from({ length: 1500 }, (_, index) => [`k${index}`, index]));
    app.clog.root.info('x', { list: Array.from({ length: 5000 }, () => 0), wide });
    expect(at(app.captured.last, 'list', 1000)).toBe('[cut: 4000 more]');
    expect(at(app.captured.last, 'wide', '…')).toBe('[cut: 500 more]');
    app.clog.root.info('x', wide);
    expect(app.captured.last?.['…']).toBe('[cut: more than 1000 fields]');
  });

  it('a line of very many strings as a whole', async () => {
    await using app = await capturedClog();
    const text = 'y'.repeat(30_000);
    app.clog.root.info('x', { list: Array.from({ length: 500 }, () => text) });
    expect(app.captured.texts[0]?.length).toBeLessThan(400_000);
    expect(app.captured.texts[0]).toContain('[cut: the line is full]');
  });
});

describe('errors', () => {
  it('keep name, message, stack, cause chain, code and what they carry', async () => {
    class PaymentError extends Error {
      override readonly name = 'PaymentError';
      readonly orderId = 7;
    }
    const root = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', port: 5432 });
    const middle = new TypeError('no pool', { cause: root });
    const err = new PaymentError('payment failed', { cause: middle });
    await using app = await capturedClog();
    app.clog.root.error('x', { err });
    expect(app.captured.last?.['err']).toEqual({
      name: 'PaymentError',
      message: 'payment failed',
      stack: err.stack,
      orderId: 7,
      cause: {
        name: 'TypeError',
        message: 'no pool',
        stack: middle.stack,
        cause: {
          name: 'Error',
          message: 'connect ECONNREFUSED',
          stack: root.stack,
          code: 'ECONNREFUSED',
          port: 5432,
        },
      },
    });
  });

  it('keep their stack although they have a toJSON that leaves it out', async () => {
    await using app = await capturedClog();
    const err = new InfraError('UNAVAILABLE', 'away', { component: 'cache' });
    app.clog.root.error('x', { err });
    expect(app.captured.last?.['err']).toMatchObject({
      name: 'InfraError',
      code: 'UNAVAILABLE',
      message: 'away',
      component: 'cache',
      stack: err.stack,
    });
  });

  it('may cause themselves, be many, or be something else', async () => {
    const ring = new Error('ring');
    ring.cause = ring;
    await using app = await capturedClog();
    app.clog.root.error('x', { err: ring });
    expect(at(app.captured.last, 'err', 'cause')).toBe('[circular]');
    app.clog.root.error('x', { err: new AggregateError([new Error('a'), new Error('b')], 'all') });
    expect(at(app.captured.last, 'err', 'errors', 1, 'message')).toBe('b');
    app.clog.root.error('x', { err: 'just text' });
    expect(app.captured.last?.['err']).toBe('just text');
    app.clog.root.error('x', { failure: new Error('under another name', { cause: 'a word' }) });
    expect(app.captured.last?.['failure']).toMatchObject({ message: 'under another name', cause: 'a word' });
  });
});
