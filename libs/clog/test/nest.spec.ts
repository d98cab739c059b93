import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  Inject,
  Injectable,
  Logger as Nest,
  Module,
  type INestApplicationContext,
  type Type,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Logger as Port, SwitchableLogger } from '@infra-kit/kernel';
import {
  ClogLogger,
  ClogModule,
  ClogNestLogger,
  ClogProvider,
  getClogToken,
  InjectClog,
} from '@infra-kit/clog';
import { PinoLogger } from 'nestjs-pino';
import { LogFolder } from './log-files.js';

@Injectable()
class OrderService {
  constructor(readonly logger: ClogLogger) {}
}

@Injectable()
class CartService {
  @Inject(ClogLogger) readonly logger!: ClogLogger;
}

@Injectable()
class Component {
  constructor(@Inject(Port) readonly logger: Port) {}
}

@Injectable()
class Audited {
  constructor(
    @InjectClog() readonly clog: ClogProvider,
    @InjectClog('audit') readonly audit: ClogProvider,
  ) {}
}

let folder: LogFolder;
beforeEach(() => {
  folder = new LogFolder();
});
afterEach(() => {
  folder[Symbol.dispose]();
  Nest.overrideLogger(false);
});

async function start(providers: Type[], imports: object[] = []): Promise<INestApplicationContext> {
  @Module({
    imports: [
      ClogModule.forRoot({ output: folder.file(), level: 'trace', format: 'json' }),
      ...(imports as Type[]),
    ],
    providers,
  })
  class App {}
  return NestFactory.createApplicationContext(App, { abortOnError: false, bufferLogs: true, logger: false });
}

describe('ClogModule', () => {
  it('gives each class a ClogLogger of its name', async () => {
    const app = await start([OrderService, CartService]);
    app.get(OrderService).logger.info('from the order');
    app.get(CartService).logger.namespace('items').info('from the cart');
    (await app.resolve(ClogLogger)).info('from nobody');
    await app.close();
    expect(folder.lines().map(({ msg, namespace }) => [msg, namespace])).toEqual([
      ['from the order', 'OrderService'],
      ['from the cart', 'CartService.items'],
      ['from nobody', ''],
    ]);
  });

  it('takes over the suite’s logger, for loggers derived before and after, and gives it back', async () => {
    const app = await start([Component]);
    const { logger } = app.get(Component);
    logger.namespace('cache').warn('through clog', { err: new Error('x') });
    expect(folder.lines()).toEqual([
      expect.objectContaining({
        namespace: 'cache',
        msg: 'through clog',
        err: expect.objectContaining({ message: 'x' }),
      }),
    ]);
    await app.close();
    logger.namespace('cache').warn('to Nest again');
    expect(folder.lines()).toHaveLength(1);
    expect(logger instanceof SwitchableLogger && logger.use(logger)).not.toBeInstanceOf(ClogLogger);
  });

  it('makes named instances beside the default one, each with its own output', async () => {
    const app = await start(
      [Audited],
      [ClogModule.forRootAsync({ name: 'audit', useFactory: () => ({ output: folder.file('audit.log') }) })],
    );
    const { clog, audit } = app.get(Audited);
    clog.root.info('ordinary');
    audit.root.info('audited');
    expect([clog.name, audit.name]).toEqual(['default', 'audit']);
    expect(app.get(getClogToken('audit'))).toBe(audit);
    expect(app.get(getClogToken())).toBe(clog);
    await app.close();
    expect(folder.lines().map(({ msg }) => msg)).toEqual(['ordinary']);
    expect(folder.lines('audit.log').map(({ msg }) => msg)).toEqual(['audited']);
  });

  it('is refused twice under one name', async () => {
    await expect(start([], [ClogModule.forRoot({ output: folder.file('two.log') })])).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
    });
  });

  it('fails the start, naming every bad field, and leaves no file open', async () => {
    @Module({ imports: [ClogModule.forRoot({ output: folder.path, level: 'loud' as 'info' })] })
    class App {}
    const starting = NestFactory.createApplicationContext(App, { abortOnError: false, logger: false });
    await expect(starting).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/level.*\n.*output/),
    });
    expect(folder.names()).toEqual([]);
  });
});

describe('Nest’s own lines', () => {
  it('go through clog, those buffered at the start included', async () => {
    @Module({ imports: [ClogModule.forRoot({ output: folder.file(), level: 'trace', format: 'json' })] })
    class App {}
    const app = await NestFactory.createApplicationContext(App, { bufferLogs: true });
    app.useLogger(app.get(ClogNestLogger));
    app.flushLogs();
    expect(folder.lines()).toContainEqual(
      expect.objectContaining({
        level: 'info',
        namespace: 'InstanceLoader',
        msg: expect.stringMatching(/KernelModule/),
      }),
    );
    await app.close();
  });

  it('keep context, several messages, parameters, stacks and errors', async () => {
    const app = await start([]);
    app.useLogger(app.get(ClogNestLogger));
    const own = new Nest('Orders');
    own.log('plain');
    own.warn('with fields', { orderId: 1, password: 'p' });
    own.debug('first', 'second');
    own.verbose({ a: 1 });
    own.error('with a stack', 'Error: x\n    at file.ts:1:1');
    own.error(new TypeError('an error'));
    own.error('failed', new RangeError('beside'));
    own.fatal('dying');
    Nest.log('no context');
    await app.close();
    const written = folder.lines().filter(({ namespace }) => namespace === 'Orders' || namespace === '');
    expect(written).toMatchObject([
      { level: 'info', namespace: 'Orders', msg: 'plain' },
      { level: 'warn', namespace: 'Orders', msg: 'with fields', orderId: 1, password: '[Redacted]' },
      { level: 'debug', namespace: 'Orders', msg: 'first' },
      { level: 'debug', namespace: 'Orders', msg: 'second' },
      { level: 'trace', namespace: 'Orders', msg: '{"a":1}' },
      {
        level: 'error',
        namespace: 'Orders',
        msg: 'with a stack',
        err: { stack: expect.stringContaining('file.ts') },
      },
      {
        level: 'error',
        namespace: 'Orders',
        msg: 'an error',
        err: { name: 'TypeError', message: 'an error' },
      },
      { level: 'error', namespace: 'Orders', msg: 'failed', err: { name: 'RangeError' } },
      { level: 'fatal', namespace: 'Orders', msg: 'dying' },
      { level: 'info', namespace: '', msg: 'no context' },
    ]);
  });

  it('obey the namespace’s level', async () => {
    const app = await start([]);
    app.useLogger(app.get(ClogNestLogger));
    app.get(ClogProvider).setLevel('error', 'Noisy');
    new Nest('Noisy').log('unseen');
    new Nest('Other').log('seen');
    await app.close();
    expect(folder.lines().map(({ msg }) => msg)).toContain('seen');
    expect(folder.lines().map(({ msg }) => msg)).not.toContain('unseen');
  });
});

describe('nestjs-pino’s PinoLogger', () => {
  it('can be injected, and writes through the application’s clog', async () => {
    const app = await start([]);
    const logger = await app.resolve(PinoLogger);
    logger.setContext('Legacy');
    logger.info({ token: 't', n: 1 }, 'from the library');
    await app.close();
    expect(folder.lines()).toMatchObject([
      { namespace: 'Legacy', msg: 'from the library', token: '[Redacted]', n: 1, service: 'service' },
    ]);
  });
});
