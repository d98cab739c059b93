import 'reflect-metadata';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { ElasticsearchService } from '@nestjs/elasticsearch';
import { EsModule, EsProvider, getEsToken, InjectEs } from '@infra-kit/es';
import { HealthRegistry, TEST_SETTING } from '@infra-kit/kernel';

@Injectable()
class Catalog implements OnApplicationShutdown {
  lastWord: unknown;

  constructor(
    readonly es: EsProvider,
    @InjectEs('logs') readonly logs: EsProvider,
  ) {}

  async onApplicationShutdown(): Promise<void> {
    this.lastWord = (await this.es.index('notes', { text: 'bye' }, { id: '1' })).id;
  }
}

const NOWHERE = 'http://127.0.0.1:1';
const before = process.env['ELASTICSEARCH_URL'];
beforeEach(() => {
  delete process.env['ELASTICSEARCH_URL'];
});
afterEach(() => {
  if (before !== undefined) process.env['ELASTICSEARCH_URL'] = before;
});

describe('the module of es', () => {
  it('provides an es and named ones, counts them in health, and closes them after the last user hook', async () => {
    const app = await Test.createTestingModule({
      imports: [
        EsModule.forRoot(),
        EsModule.forRootAsync({ name: 'logs', useFactory: async () => ({ indexPrefix: 'logs-' }) }),
      ],
      providers: [Catalog],
    }).compile();
    await app.init();
    const catalog = app.get(Catalog);
    expect([catalog.es.name, catalog.logs.name]).toEqual(['default', 'logs']);
    expect(app.get(getEsToken('logs'))).toBe(catalog.logs);
    expect(await app.get(HealthRegistry).check()).toMatchObject({
      detail: { es: { status: 'up' }, 'es.logs': { status: 'up' } },
    });
    await app.close();
    expect(catalog.lastWord).toBe('1');
    await expect(catalog.es.ping()).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
  });

  it('gets its client from an ElasticsearchModule of the application, one an instance', async () => {
    const app = await Test.createTestingModule({
      imports: [EsModule.forRoot({ node: NOWHERE }), EsModule.forRoot({ name: 'logs', node: NOWHERE })],
      providers: [Catalog],
    }).compile();
    const { es, logs } = app.get(Catalog);
    expect(es.native).toBeInstanceOf(ElasticsearchService);
    expect(logs.native).toBeInstanceOf(ElasticsearchService);
    expect(logs.native).not.toBe(es.native);
    expect(app.get(ElasticsearchService, { strict: false, each: true })).toEqual(
      expect.arrayContaining([es.native, logs.native]),
    );
    expect(await es.health()).toMatchObject({
      status: 'down',
      detail: { driver: 'elasticsearch', address: `${NOWHERE}/` },
    });
    await es.close();
    await logs.close();
  });

  it('fails the start in production without an address: nothing falls back to memory', async () => {
    const starting = Test.createTestingModule({ imports: [EsModule.forRoot({ driver: 'elasticsearch' })] })
      .setLogger({ log: () => undefined, warn: () => undefined, error: () => undefined })
      .compile();
    await expect(starting).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('ELASTICSEARCH_URL'),
    });
  });

  it('runs on memory in a test application, whatever address the code passes', async () => {
    const app = await Test.createTestingModule({ imports: [EsModule.forRoot({ nodes: [NOWHERE] })] })
      .overrideProvider(TEST_SETTING)
      .useValue({})
      .compile();
    expect(await app.get(EsProvider).health()).toMatchObject({ detail: { driver: 'memory' } });
    await app.close();
  });
});
