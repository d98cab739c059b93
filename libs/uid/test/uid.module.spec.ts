import { Global, Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { describe, expect, it } from '@jest/globals';
import { Clock, HealthRegistry, Logger, ReloadRegistry } from '@infra-kit/kernel';
import { FakeClock } from '@infra-kit/kernel/testing';
import { getUidToken, InjectUid, UidModule, UidProvider, WorkerIdSource } from '@infra-kit/uid';
import { LeasedWorkerIds } from '@infra-kit/uid/testing';
import { RecordingLogger } from './fixtures/recording-logger.js';

@Injectable()
class Orders {
  constructor(
    readonly uid: UidProvider,
    @InjectUid('invoices') readonly invoices: UidProvider,
  ) {}
}

@Global()
@Module({
  providers: [
    { provide: WorkerIdSource, useFactory: (clock: Clock) => new LeasedWorkerIds(clock), inject: [Clock] },
  ],
  exports: [WorkerIdSource],
})
class IdsModule {}

describe('UidModule', () => {
  it('provides the default and a named instance, leased where a WorkerIdSource is provided, and gives them back', async () => {
    const clock = new FakeClock();
    const logger = new RecordingLogger();
    const module = await Test.createTestingModule({
      imports: [
        IdsModule,
        UidModule.forRoot({ serviceName: 'orders' }),
        UidModule.forRootAsync({
          name: 'invoices',
          inject: [Clock],
          useFactory: (of) => ({ serviceName: 'orders', epochMs: of.now() }),
        }),
      ],
      providers: [Orders],
    })
      .overrideProvider(Clock)
      .useValue(clock)
      .overrideProvider(Logger)
      .useValue(logger)
      .compile();
    await module.init();
    const { uid, invoices } = module.get(Orders);
    expect(uid).toBe(module.get(UidProvider));
    expect(invoices).toBe(module.get(getUidToken('invoices')));
    expect([uid.name, invoices.name]).toEqual(['default', 'invoices']);
    expect(new Set([uid.instanceId, invoices.instanceId])).toEqual(new Set([1, 2]));
    expect(invoices.parseSnowflake(invoices.snowflake()).timestamp.getTime()).toBe(clock.now());
    expect(logger.messages('warn')).toEqual([]);
    const health = await module.get(HealthRegistry).check();
    expect(Object.keys(health.detail).toSorted()).toEqual(['uid', 'uid.invoices']);

    const store = module.get(WorkerIdSource);
    await module.close();
    expect(() => uid.snowflake()).toThrow(expect.objectContaining({ code: 'FAILED_PRECONDITION' }));
    const freed = await Promise.all([store.acquire('orders', 2), store.acquire('orders', 2)]);
    expect(freed.map(({ id }) => id)).toEqual([1, 2]);
  });

  it('takes other waits while running, refuses bad documents, and names what needs a restart', async () => {
    const clock = new FakeClock();
    const module = await Test.createTestingModule({ imports: [UidModule.forRoot({ instanceId: 7 })] })
      .overrideProvider(Clock)
      .useValue(clock)
      .overrideProvider(Logger)
      .useValue(new RecordingLogger())
      .compile();
    await module.init();
    const uid = module.get(UidProvider);
    const reload = module.get(ReloadRegistry);
    uid.snowflake();
    clock.step(-20);
    expect(() => uid.snowflake()).toThrow(/maxRollbackMs 10/);

    const bad = { revision: 1n, value: { maxRollbackMs: -1, unknown: true } };
    expect(await reload.offer('uid', 'default', bad)).toMatchObject({ status: 'refused' });
    expect(() => uid.snowflake()).toThrow(/maxRollbackMs 10/);

    const good = { revision: 2n, value: { maxRollbackMs: '20ms', instanceId: 8 } };
    expect(await reload.offer('uid', 'default', good)).toMatchObject({
      status: 'applied',
      restartRequired: ['instanceId'],
    });
    expect(uid.parseSnowflake(uid.snowflake()).instanceId).toBe(7);
    await module.close();
    expect(reload.status()).toEqual([]);
  });

  it('a production start without an id or a source fails with a sentence', async () => {
    const before = process.env['INFRA_ENV'];
    process.env['INFRA_ENV'] = 'production';
    try {
      const starting = Test.createTestingModule({ imports: [UidModule.forRoot()] })
        .overrideProvider(Logger)
        .useValue(new RecordingLogger())
        .compile();
      await expect(starting).rejects.toThrow(/set instanceId \(INSTANCE_ID\).*workerIdSource/);
    } finally {
      if (before === undefined) delete process.env['INFRA_ENV'];
      else process.env['INFRA_ENV'] = before;
    }
  });
});
