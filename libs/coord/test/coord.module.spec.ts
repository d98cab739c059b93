import 'reflect-metadata';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { CoordModule, CoordProvider, getCoordToken, InjectCoord } from '@infra-kit/coord';
import { HealthRegistry, TEST_SETTING } from '@infra-kit/kernel';

@Injectable()
class Worker implements OnApplicationShutdown {
  lastWord: unknown;

  constructor(
    readonly coord: CoordProvider,
    @InjectCoord('jobs') readonly jobs: CoordProvider,
  ) {}

  async onApplicationShutdown(): Promise<void> {
    this.lastWord = await this.coord.locks.withLock('a', {}, async () => 'still there');
  }
}

const before = process.env['ETCD_ENDPOINTS'];
beforeEach(() => {
  delete process.env['ETCD_ENDPOINTS'];
});
afterEach(() => {
  if (before !== undefined) process.env['ETCD_ENDPOINTS'] = before;
});

describe('the module of coord', () => {
  it('provides a coord and named ones, counts them in health, and closes them after the last user hook', async () => {
    const app = await Test.createTestingModule({
      imports: [
        CoordModule.forRoot(),
        CoordModule.forRootAsync({ name: 'jobs', useFactory: async () => ({ prefix: '/jobs' }) }),
      ],
      providers: [Worker],
    }).compile();
    await app.init();
    const worker = app.get(Worker);
    expect([worker.coord.name, worker.jobs.name]).toEqual(['default', 'jobs']);
    expect(app.get(getCoordToken('jobs'))).toBe(worker.jobs);
    expect(await app.get(HealthRegistry).check()).toMatchObject({
      detail: { coord: { status: 'up' }, 'coord.jobs': { status: 'up' } },
    });
    await app.close();
    expect(worker.lastWord).toBe('still there');
    await expect(worker.coord.ping()).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
  });

  it('fails the start in production without an address: nothing falls back to memory', async () => {
    const starting = Test.createTestingModule({ imports: [CoordModule.forRoot({ driver: 'etcd' })] })
      .setLogger({ log: () => undefined, warn: () => undefined, error: () => undefined })
      .compile();
    await expect(starting).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('ETCD_ENDPOINTS'),
    });
  });

  it('runs on memory in a test application, whatever address the code passes', async () => {
    const app = await Test.createTestingModule({
      imports: [CoordModule.forRoot({ endpoints: ['etcd.example:2379'], snapshotDir: '/nowhere' })],
    })
      .overrideProvider(TEST_SETTING)
      .useValue({})
      .compile();
    expect(await app.get(CoordProvider).health()).toMatchObject({ detail: { driver: 'memory' } });
    await app.close();
  });
});
