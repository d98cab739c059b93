import { describe, expect, it } from '@jest/globals';
import { createEs, MemoryEsDriver, type EsProvider } from '@infra-kit/es';
import { InfraContext } from '@infra-kit/kernel';
import { faultyEs } from './faulty-driver.js';

const everyCall = (es: EsProvider): Readonly<Record<string, () => unknown>> => ({
  index: () => es.index('a', {}),
  get: () => es.get('a', '1'),
  exists: () => es.exists('a', '1'),
  update: () => es.update<object>('a', '1', {}),
  delete: () => es.delete('a', '1'),
  bulkIndex: () => es.bulkIndex('a', []),
  writer: async () => es.writer('a'),
  search: () => es.search('a', {}),
  searchIn: () => es.searchIn('a', { field: 'b', value: 'c' }, {}),
  searchAll: () => es.searchAll({}),
  deleteIn: () => es.deleteIn('a', { field: 'b', value: 'c' }),
  iterate: () => es.iterate('a', {})[Symbol.asyncIterator]().next(),
  ping: () => es.ping(),
  create: () => es.indices.create('a'),
  drop: () => es.indices.delete('a'),
  known: () => es.indices.exists('a'),
  refresh: () => es.indices.refresh('a'),
  list: () => es.indices.list(),
  ensure: () => es.indices.ensure({ index: 'a' }),
  reindexInto: () => es.indices.reindexInto('a', {}, []),
});

describe('a call', () => {
  it('is FAILED_PRECONDITION after close, whichever it is; close and health go on', async () => {
    const es = await createEs({ indexPrefix: 'x-' }, { env: 'test' });
    await es.close();
    await es.close();
    for (const call of Object.values(everyCall(es)))
      await expect(Promise.resolve().then(call)).rejects.toMatchObject({
        code: 'FAILED_PRECONDITION',
        name: 'InfraError',
        message: expect.stringContaining('es: it is closed'),
      });
    expect(await es.health()).toMatchObject({ status: 'down', detail: { error: 'closed' } });
  });

  it('is tried again while the cluster is away, up to maxRetries times', async () => {
    const { es, faults, cut } = await faultyEs({ maxRetries: 2 });
    cut();
    await expect(es.get('a', '1')).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true });
    expect(faults.calls.get('get')).toBe(3);
    faults.fail(() => new Error('once'), []);
    await es.index('a', { n: 1 }, { id: '1' });
    expect((await es.get<{ n: number }>('a', '1'))?.source).toEqual({ n: 1 });
    await es.close();
  });

  it('whose first try may have been carried out is not made again when that could change the answer', async () => {
    const { es, faults, cut } = await faultyEs({ maxRetries: 2 });
    cut(false);
    await expect(es.delete('a', '1')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(faults.calls.get('delete')).toBe(1);
    await expect(es.index('a', {}, { id: '1', ifSeqNo: 1, ifPrimaryTerm: 1 })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    expect(faults.calls.get('index')).toBe(1);
    await expect(es.index('a', {}, { id: '1' })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(faults.calls.get('index')).toBe(4);
    await es.close();
  });

  it('ends by its own limit, the ambient one and requestTimeoutMs, and by either signal', async () => {
    const { es, hang, faults } = await faultyEs({ requestTimeoutMs: 40 });
    hang();
    const late = { code: 'DEADLINE_EXCEEDED' };
    await expect(es.get('a', '1')).rejects.toMatchObject(late);
    await expect(es.get('a', '1', { timeoutMs: 5 })).rejects.toMatchObject(late);
    await expect(InfraContext.run({ timeoutMs: 5 }, () => es.get('a', '1'))).rejects.toMatchObject(late);
    await expect(es.get('a', '1', { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'CANCELLED',
    });
    const signal = AbortSignal.abort();
    await expect(InfraContext.run({ signal }, () => es.get('a', '1'))).rejects.toMatchObject({
      code: 'CANCELLED',
    });
    expect(await es.health({ timeoutMs: 20 })).toMatchObject({ status: 'down' });
    faults.heal();
    await es.close();
  });

  it('whose onFailure throws or rejects goes on, and the process with it', async () => {
    const { es } = await faultyEs();
    const lost: unknown[] = [];
    const onLost = (error: unknown): void => void lost.push(error);
    process.on('unhandledRejection', onLost);
    await es.indices.create('a', { mappings: { properties: { n: { type: 'long' } } } });
    const docs = [{ n: 'x' }, { n: 1 }];
    const rejects = async (): Promise<void> => Promise.reject(new Error('of the listener'));
    const throws = (): void => {
      throw new Error('of the listener');
    };
    for (const onFailure of [rejects, throws]) {
      const report = await es.bulkIndex('a', docs, { onFailure });
      expect([report.indexed, report.failed.length]).toEqual([1, 1]);
    }
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', onLost);
    expect(lost).toEqual([]);
    await es.close();
  });

  it("a writer outlives the request that opened it: its limits are not the request's", async () => {
    const { es } = await faultyEs({ bulk: { flushIntervalMs: 1 } });
    const writer = await InfraContext.run({ timeoutMs: 1 }, async () => {
      const opened = es.writer<{ n: number }>('a');
      await opened.add({ n: 1 });
      return opened;
    });
    expect(await writer.close()).toMatchObject({ indexed: 1, failed: [] });
    await es.close();
  });

  it('closing the provider sends what its writers hold', async () => {
    const driver = new MemoryEsDriver();
    const es = await createEs({ driver, bulk: { flushIntervalMs: 60_000 } }, { env: 'test' });
    const writer = es.writer<{ n: number }>('a', { id: ({ n }) => `${n}` });
    await writer.add({ n: 1 });
    await es.close();
    expect((await driver.get({ index: 'a', id: '1' }))?.source).toEqual({ n: 1 });
    expect(await writer.close()).toMatchObject({ indexed: 1 });
  });

  it('searchAll is refused without an indexPrefix', async () => {
    const es = await createEs({}, { env: 'test' });
    await expect(es.searchAll({})).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining('indexPrefix'),
    });
    await es.close();
  });

  it('sends a document at most flushIntervalMs after it was added', async () => {
    const { es } = await faultyEs({ bulk: { flushIntervalMs: 5 } });
    const writer = es.writer<{ n: number }>('a', { id: () => '1' });
    await writer.add({ n: 1 });
    while (!(await es.indices.exists('a'))) await new Promise(setImmediate);
    expect(await es.exists('a', '1')).toBe(true);
    await es.close();
  });
});

describe('the memory driver', () => {
  it('is bounded: RESOURCE_EXHAUSTED beyond maxDocuments', async () => {
    const es = await createEs(
      { driver: new MemoryEsDriver({ maxDocuments: 2 }), maxRetries: 0 },
      { env: 'test' },
    );
    const report = await es.bulkIndex('a', [{ n: 1 }, { n: 2 }, { n: 3 }]);
    expect([report.indexed, report.failed.length]).toEqual([2, 1]);
    await expect(es.index('a', {})).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    await es.close();
  });

  it('copies: what a caller does to a hit or a document does not reach the index', async () => {
    const es = await createEs({}, { env: 'test' });
    const doc = { tags: ['a'] };
    await es.index('a', doc, { id: '1' });
    doc.tags.push('b');
    (await es.get<typeof doc>('a', '1'))?.source.tags.push('c');
    expect((await es.get('a', '1'))?.source).toEqual({ tags: ['a'] });
    await es.close();
  });
});
