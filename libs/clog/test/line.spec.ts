import { describe, expect, it } from '@jest/globals';
import type { LogMethod } from '@infra-kit/kernel';
import { capturedClog } from './clogs.js';

const METHODS: readonly LogMethod[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];

describe('a line', () => {
  it('carries time, level, msg, namespace, service, env and instance', async () => {
    await using app = await capturedClog(
      {},
      {
        env: 'staging',
        service: 'orders',
        identity: { env: 'staging', service: 'orders', instance: 'pod-7' },
      },
    );
    app.clog.logger('cart').info('order accepted', { orderId: 7 });
    expect(app.captured.lines).toEqual([
      {
        time: '2026-01-01T00:00:00.000Z',
        level: 'info',
        msg: 'order accepted',
        namespace: 'cart',
        service: 'orders',
        env: 'staging',
        instance: 'pod-7',
        orderId: 7,
      },
    ]);
    expect(app.captured.texts[0]).toMatch(/^\{.*\}\n$/);
  });

  it('has the time of its own millisecond', async () => {
    await using app = await capturedClog();
    app.clog.root.info('one');
    await app.clock.advance(1234);
    app.clog.root.info('two');
    expect(app.captured.lines.map(({ time }) => time)).toEqual([
      '2026-01-01T00:00:00.000Z',
      '2026-01-01T00:00:01.234Z',
    ]);
  });

  it.each(METHODS)('says its level as a word: %s', async (method) => {
    await using app = await capturedClog();
    app.clog.root[method]('spoken');
    expect(app.captured.last).toMatchObject({ level: method, msg: 'spoken', namespace: '' });
  });

  it('takes INSTANCE_ID for the instance when nobody says another', async () => {
    process.env['INSTANCE_ID'] = 'i-42';
    try {
      await using app = await capturedClog();
      app.clog.root.info('x');
      expect(app.captured.last).toMatchObject({ instance: 'i-42' });
    } finally {
      delete process.env['INSTANCE_ID'];
    }
  });
});

describe('a namespace', () => {
  it('is joined by dots', async () => {
    await using app = await capturedClog();
    const logger = app.clog.logger('user').namespace('auth');
    logger.info('x');
    expect(logger.namespacePath).toBe('user.auth');
    expect(app.captured.last).toMatchObject({ namespace: 'user.auth' });
  });

  it('keeps the fields bound before it', async () => {
    await using app = await capturedClog();
    app.clog.root.with({ orderId: 1 }).namespace('pay').info('x');
    expect(app.captured.last).toMatchObject({ namespace: 'pay', orderId: 1 });
  });
});

describe('bound fields', () => {
  it('are on every line, and not on those of the logger they were bound to', async () => {
    await using app = await capturedClog();
    const bound = app.clog.logger('a').with({ orderId: 1 }).with({ step: 'pay' });
    bound.info('first');
    bound.info('second', { extra: true });
    app.clog.logger('a').info('third');
    expect(app.captured.lines[0]).toMatchObject({ orderId: 1, step: 'pay' });
    expect(app.captured.lines[1]).toMatchObject({ orderId: 1, step: 'pay', extra: true });
    expect(app.captured.lines[2]).not.toHaveProperty('orderId');
  });

  it('yield to a field of the line, which then stands there once', async () => {
    await using app = await capturedClog();
    app.clog.root.with({ orderId: 1, kept: 'k' }).info('x', { orderId: 2 });
    expect(app.captured.last).toMatchObject({ orderId: 2, kept: 'k' });
    expect(app.captured.texts[0]?.match(/"orderId"/g)).toHaveLength(1);
  });

  it('are those of the moment of binding', async () => {
    await using app = await capturedClog();
    const order = { state: 'new' };
    const bound = app.clog.root.with({ order });
    order.state = 'paid';
    bound.info('x');
    expect(app.captured.last).toMatchObject({ order: { state: 'new' } });
  });
});

describe('fields that collide with the line’s own', () => {
  it('move under fields', async () => {
    await using app = await capturedClog();
    const own = {
      time: 1,
      level: 2,
      msg: 3,
      namespace: 4,
      service: 5,
      env: 6,
      instance: 7,
      trace_id: 8,
      span_id: 9,
    };
    app.clog.logger('n').warn('x', { ...own, free: true });
    expect(app.captured.last).toMatchObject({
      level: 'warn',
      msg: 'x',
      namespace: 'n',
      free: true,
      fields: own,
    });
  });

  it('move when they are bound, beside those of the line', async () => {
    await using app = await capturedClog();
    app.clog.root.with({ level: 'bound' }).info('x', { time: 'own' });
    expect(app.captured.last).toMatchObject({ level: 'info', fields: { level: 'bound', time: 'own' } });
  });

  it('leave a field called fields alone', async () => {
    await using app = await capturedClog();
    app.clog.root.info('x', { fields: { a: 1 } });
    expect(app.captured.last).toMatchObject({ fields: { a: 1 } });
    app.clog.root.info('x', { fields: { a: 1 }, time: 2 });
    expect(app.captured.last).toMatchObject({ fields: { a: 1, time: 2 } });
  });

  it.each(['constructor', 'toString', 'hasOwnProperty', '__proto__', 'serializers'])(
    'include names that would reach into pino: %s',
    async (name) => {
      await using app = await capturedClog();
      const hostile: unknown = JSON.parse(`{ "${name}": "x", "kept": 1 }`);
      app.clog.root.info('line', Object(hostile));
      app.clog.root.with(Object(hostile)).info('bound');
      expect(app.captured.lines).toHaveLength(2);
      for (const line of app.captured.lines) {
        expect(line).toMatchObject({ kept: 1 });
        expect(JSON.stringify(line)).toContain(`"${name}":"x"`);
      }
    },
  );

  it('keeps fields that look like a request', async () => {
    await using app = await capturedClog();
    app.clog.root.info('x', { method: 'GET', headers: { a: 'b' }, socket: { open: true } });
    expect(app.captured.last).toMatchObject({
      method: 'GET',
      headers: { a: 'b' },
      fields: { socket: { open: true } },
    });
  });
});

describe('a message that is not a string becomes one', () => {
  const cases: readonly [string, unknown, string][] = [
    ['a number', 5, '5'],
    ['undefined', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a symbol', Symbol('s'), 'Symbol(s)'],
    ['a bigint', 10n, '10'],
    ['an object', { a: 1, password: 'p' }, '{"a":1,"password":"[Redacted]"}'],
    ['an error', new Error('broken'), 'broken'],
  ];
  it.each(cases)('%s', async (_name, message, expected) => {
    await using app = await capturedClog();
    app.clog.root.info(message as string);
    expect(app.captured.last?.['msg']).toBe(expected);
  });

  it('an error keeps its stack under err', async () => {
    await using app = await capturedClog();
    app.clog.root.error(new Error('broken') as unknown as string);
    expect(app.captured.last).toMatchObject({ err: { name: 'Error', message: 'broken' } });
  });

  it('percent signs are text', async () => {
    await using app = await capturedClog();
    app.clog.root.info('100 %s %d %j');
    expect(app.captured.last?.['msg']).toBe('100 %s %d %j');
  });
});

describe('fields that are no object of fields', () => {
  it('an error is err, a list goes under fields', async () => {
    await using app = await capturedClog();
    app.clog.root.error('failed', new TypeError('broken'));
    expect(app.captured.last).toMatchObject({ err: { name: 'TypeError', message: 'broken' } });
    app.clog.root.info('list', [1, 2]);
    expect(app.captured.last).toMatchObject({ fields: [1, 2] });
    app.clog.root.info('nothing', null as unknown as object);
    expect(app.captured.last).not.toHaveProperty('fields');
  });
});

describe('addSource', () => {
  it('names the caller’s file and line below rootPath', async () => {
    await using app = await capturedClog({ addSource: true, rootPath: import.meta.dirname });
    app.clog.logger('x').info('here');
    expect(app.captured.last?.['source']).toMatch(/^line\.spec\.ts:\d+$/);
  });

  it('is absent unless asked for', async () => {
    await using app = await capturedClog();
    app.clog.root.info('x');
    expect(app.captured.last).not.toHaveProperty('source');
  });
});

describe('pino itself', () => {
  it('writes to the same place with redaction, namespace and the root’s level', async () => {
    await using app = await capturedClog({ level: 'info' });
    app.clog.native.child({ lib: 'x' }).info({ password: 'p', namespace: 'lib' }, 'from a library');
    app.clog.native.debug('below');
    app.clog.setLevel('debug');
    app.clog.native.debug('now');
    expect(app.captured.lines.map(({ msg }) => msg)).toEqual(['from a library', 'now']);
    expect(app.captured.lines[0]).toMatchObject({
      lib: 'x',
      password: '[Redacted]',
      namespace: 'lib',
      level: 'info',
    });
  });
});
