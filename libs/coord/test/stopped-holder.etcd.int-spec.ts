import { describe, expect, it } from '@jest/globals';
import { createCoord } from '@infra-kit/coord';
import { eventually } from '@infra-kit/kernel/testing';
import { sharedEtcd, uniqueName } from '@infra-kit/testkit';
import { Child } from './fixtures/children.js';

const HELD = { held: true, aborted: false };
const LOST = { held: false, aborted: true };

describe('a holder that was stopped past its ttl and goes on', () => {
  it('sees at its first look that lock, leadership and instance id are lost, and can save no mark; all are with others', async () => {
    const { url } = sharedEtcd();
    const prefix = `/${uniqueName('stopped')}`;
    const child = new Child('first-look.mjs', [url, prefix]);
    expect(await child.message('held')).toMatchObject({ lock: HELD, leadership: HELD, instanceId: HELD });

    const coord = await createCoord({ endpoints: [url], prefix, requestTimeoutMs: 20_000 }, { env: 'test' });
    const [lock, leadership] = await Promise.all([
      coord.locks.acquire('a', { waitMs: 60_000 }),
      coord.elections.campaign('a', { value: 'parent' }),
    ]);
    const id = await eventually(() => coord.instanceIds.acquire('a', 1), { withinMs: 60_000 });
    expect([id.id, id.highWaterMs]).toEqual([1, 7000]);

    child.continue();
    expect(await child.message('looked')).toMatchObject({
      lock: LOST,
      leadership: LOST,
      instanceId: LOST,
      saved: 'FAILED_PRECONDITION',
    });
    expect(await child.exit()).toBe(0);
    for (const mine of [lock, leadership, id]) expect(mine.remainingMs()).toBeGreaterThan(0);
    await coord.close();
  }, 120_000);
});
