import { describe, expect, it } from '@jest/globals';
import { eventually } from '@infra-kit/kernel/testing';
import { CoordBench, memoryTarget } from './coord-bench.js';

const within = { withinMs: 20_000 };
const short = { ttlMs: 1000 };
const at = (address: string) => ({ service: 'orders', id: 'a', address });

describe('the record of an instance that lives', () => {
  it('is back by itself after an older registration of its id took its place and ended', async () => {
    await using bench = new CoordBench(memoryTarget());
    const [older, newer, reader] = [await bench.client(), await bench.client(), await bench.client()];
    const address = async (): Promise<string | undefined> =>
      (await reader.coord.registry.discover('orders'))[0]?.address;
    await older.coord.registry.register(at('old:80'), short);
    older.faults.cut();
    await eventually(async () => expect(await address()).toBeUndefined(), within);
    await newer.coord.registry.register(at('new:80'), short);
    expect(await address()).toBe('new:80');
    older.faults.mend();
    await eventually(async () => expect(await address()).toBe('old:80'), within);
    older.faults.cut();
    await eventually(async () => expect(await address()).toBe('new:80'), within);
  }, 40_000);

  it('is back by itself after somebody deleted it, and not once it has left', async () => {
    await using bench = new CoordBench(memoryTarget());
    const { coord } = await bench.client();
    const store = await bench.driver();
    const registration = await coord.registry.register(at('a:80'), short);
    const key = `${bench.prefix}/registry/orders/a`;
    const signal = new AbortController().signal;
    await store.txn({ success: [{ kind: 'delete', key }] }, { signal });
    await eventually(
      async () => expect(await bench.keys('/registry/')).toEqual(['/registry/orders/a']),
      within,
    );
    await registration.update({ version: '2' });
    await registration.unregister();
    await expect(
      eventually(async () => expect(await bench.keys('/registry/')).not.toEqual([]), { withinMs: 1000 }),
    ).rejects.toBeDefined();
  });
});
