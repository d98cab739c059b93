import { describe, expect, it } from '@jest/globals';
import { createCoord, MemoryCoordDriver } from '@infra-kit/coord';
import { faultyCoord } from '@infra-kit/coord/testing';

const test = { env: 'test' };

describe('a coord', () => {
  it('pings, tells its health, and has a name', async () => {
    const coord = await createCoord({}, { ...test, name: 'orders' });
    await coord.ping();
    expect(coord.name).toBe('orders');
    expect(await coord.health()).toMatchObject({ status: 'up', detail: { driver: 'memory' } });
    await coord.close();
  });

  it('refuses everything after close but close and health', async () => {
    const coord = await createCoord({}, test);
    await coord.close();
    await coord.close();
    await expect(coord.ping()).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
    expect((await coord.health()).status).toBe('down');
  });

  it('leaves a driver that it was given open', async () => {
    const driver = new MemoryCoordDriver();
    const coord = await createCoord({ driver }, test);
    await coord.close();
    await driver.ping({ signal: new AbortController().signal });
  });

  it('with the store away: UNAVAILABLE, and health is down', async () => {
    const faults = faultyCoord(new MemoryCoordDriver());
    const coord = await createCoord({ driver: faults.driver }, test);
    faults.cut();
    await expect(coord.ping()).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true });
    expect((await coord.health()).status).toBe('down');
    faults.mend();
    await coord.ping();
    await coord.close();
  });

  it('with the store hung: DEADLINE_EXCEEDED within requestTimeoutMs, CANCELLED at once when the caller gives up', async () => {
    const faults = faultyCoord(new MemoryCoordDriver());
    const coord = await createCoord({ driver: faults.driver, requestTimeoutMs: 50 }, test);
    faults.hang();
    await expect(coord.ping()).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await expect(coord.ping({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'CANCELLED' });
    faults.heal();
    await coord.close();
  });

  it('does not start while the store is away, unless it has a snapshot to start from', async () => {
    const faults = faultyCoord(new MemoryCoordDriver());
    faults.cut();
    await expect(createCoord({ driver: faults.driver }, test)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    const coord = await createCoord({ driver: faults.driver, snapshotDir: '/nowhere' }, test);
    expect((await coord.health()).status).toBe('down');
    faults.mend();
    await coord.ping();
    await coord.close();
  });
});
