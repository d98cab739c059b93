import { describe, expect, it } from '@jest/globals';
import { faultyEs } from './faulty-driver.js';

describe('an es that gets a new configuration', () => {
  it('takes requestTimeoutMs and maxRetries at once', async () => {
    const { es, faults, hang, cut, offer } = await faultyEs();
    expect(await offer({ requestTimeoutMs: 20, maxRetries: 0 })).toMatchObject({
      status: 'applied',
      restartRequired: [],
    });
    hang();
    await expect(es.get('a', '1')).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    faults.heal();
    cut();
    const before = faults.calls.get('get') ?? 0;
    await expect(es.get('a', '1')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(faults.calls.get('get')).toBe(before + 1);
    await es.close();
  });

  it('takes bulk for writers that are opened afterwards', async () => {
    const { es, faults, offer } = await faultyEs();
    await offer({ bulk: { flushBytes: 1024 } });
    await es.bulkIndex(
      'a',
      Array.from({ length: 20 }, () => ({ text: 'x'.repeat(500) })),
    );
    expect(faults.calls.get('bulk')).toBeGreaterThan(5);
    await es.close();
  });

  it('says restart required for a structural field, and does nothing else', async () => {
    const { es, offer } = await faultyEs();
    expect(await offer({ indexPrefix: 'other-' })).toMatchObject({ restartRequired: ['indexPrefix'] });
    await es.index('a', {});
    expect(await es.indices.list()).toEqual(['a']);
    await es.close();
  });

  it('refuses a bad document and keeps the last good one', async () => {
    const { es, faults, hang, offer } = await faultyEs({ requestTimeoutMs: 20 });
    expect(await offer({ requestTimeoutMs: 0, bulk: { retries: -1 } })).toMatchObject({
      status: 'refused',
      errors: [expect.stringContaining('requestTimeoutMs'), expect.stringContaining('bulk.retries')],
    });
    hang();
    await expect(es.get('a', '1')).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    faults.heal();
    await es.close();
  });
});
