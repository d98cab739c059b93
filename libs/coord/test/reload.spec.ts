import { describe, expect, it } from '@jest/globals';
import { createCoord, MemoryCoordDriver } from '@infra-kit/coord';
import { faultyCoord } from '@infra-kit/coord/testing';
import { NestLogger, ReloadRegistry } from '@infra-kit/kernel';
import { FakeClock } from '@infra-kit/kernel/testing';

async function reloadable() {
  const clock = new FakeClock();
  const reload = new ReloadRegistry({ logger: new NestLogger(), clock });
  const faults = faultyCoord(new MemoryCoordDriver({ clock }));
  const coord = await createCoord({ driver: faults.driver }, { reload, clock, env: 'test' });
  let revision = 0n;
  const offer = (value: unknown) => reload.offer('coord', 'default', { revision: ++revision, value });
  return { clock, coord, faults, offer };
}

describe('a coord that gets a new configuration', () => {
  it('takes requestTimeoutMs at once', async () => {
    const { coord, faults, offer } = await reloadable();
    expect(await offer({ requestTimeoutMs: 20 })).toMatchObject({ status: 'applied', restartRequired: [] });
    faults.hang();
    await expect(coord.ping()).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    faults.heal();
    await coord.close();
  });

  it('takes lockTtlMs for the next lock', async () => {
    const { coord, offer } = await reloadable();
    expect((await coord.locks.acquire('a')).remainingMs()).toBeGreaterThan(5000);
    await offer({ lockTtlMs: '2s' });
    expect((await coord.locks.acquire('b')).remainingMs()).toBeLessThanOrEqual(2000);
    await coord.close();
  });

  it('says restart required for a structural field, and does nothing else', async () => {
    const { coord, offer } = await reloadable();
    expect(await offer({ prefix: '/other' })).toMatchObject({ restartRequired: ['prefix'] });
    await coord.ping();
    await coord.close();
  });

  it('refuses a bad document and keeps the last good one', async () => {
    const { coord, offer } = await reloadable();
    await offer({ lockTtlMs: '2s' });
    expect(await offer({ lockTtlMs: 5 })).toMatchObject({
      status: 'refused',
      errors: [expect.stringContaining('lockTtlMs')],
    });
    expect((await coord.locks.acquire('a')).remainingMs()).toBeLessThanOrEqual(2000);
    await coord.close();
  });
});
