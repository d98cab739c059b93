import { expect, it } from '@jest/globals';
import { createCache } from '@infra-kit/cache';
import { eventually, FakeClock } from '@infra-kit/kernel/testing';
import { openFleet } from './fixtures/limits.js';

const LEASE_MS = 30_000;
const rules = { slot: { algorithm: 'concurrency', rate: 1, capacity: 1, perMs: LEASE_MS } } as const;

async function openTwo(clock = new FakeClock()): ReturnType<typeof openFleet> {
  return openFleet(2, { rules }, await createCache({ driver: 'memory' }, { env: 'test', clock }), clock);
}

it('a limiter that closes gives the slots of its permits back, and says so to their holders', async () => {
  const [limits, other] = await openTwo();
  const held = await limits?.acquire('a', 'slot');
  await limits?.close();
  expect((await other?.acquire('a', 'slot'))?.decision.allowed).toBe(true);
  expect(held?.permit?.signal.reason).toMatchObject({
    name: 'LostPermitError',
    code: 'FAILED_PRECONDITION',
    message: expect.stringContaining('its limiter was closed'),
  });
  await held?.permit?.release();
});

it('a slot that is acquired while its limiter closes is not kept', async () => {
  const [limits, other] = await openTwo();
  const acquiring = limits?.acquire('a', 'slot');
  await limits?.close();
  expect((await acquiring)?.permit?.signal.aborted).toBe(true);
  expect((await other?.peek('a', 'slot'))?.remaining).toBe(1);
});

it('a permit that was released is not told of the close', async () => {
  const [limits] = await openTwo();
  const held = await limits?.acquire('a', 'slot');
  await held?.permit?.release();
  await limits?.close();
  expect(held?.permit?.signal.aborted).toBe(false);
});

it('a slot whose caller gave up meanwhile is given back', async () => {
  const [limits, other] = await openTwo();
  const caller = new AbortController();
  const acquiring = limits?.acquire('a', 'slot', { signal: caller.signal });
  caller.abort();
  await expect(acquiring).rejects.toMatchObject({ code: 'CANCELLED' });
  let remaining = 0;
  for (let n = 0; n < 100 && remaining === 0; n++)
    remaining = (await other?.peek('a', 'slot'))?.remaining ?? 0;
  expect(remaining).toBe(1);
});

it('reset frees every slot at once; a holder whose slot was taken meanwhile hears it at the next renewal', async () => {
  const clock = new FakeClock();
  const [first, second] = await openTwo(clock);
  const held = await first?.acquire('a', 'slot');
  await first?.reset('a', 'slot');
  const other = await second?.acquire('a', 'slot');
  expect(other?.decision.allowed).toBe(true);
  expect(held?.permit?.signal.aborted).toBe(false);
  await clock.advance(LEASE_MS / 3 + 1);
  await eventually(() => expect(held?.permit?.signal.reason).toMatchObject({ name: 'LostPermitError' }));
  expect(other?.permit?.signal.aborted).toBe(false);
});

it('names itself where the caller gives up', async () => {
  const [limits] = await openTwo();
  await expect(limits?.acquire('a', 'slot', { signal: AbortSignal.abort() })).rejects.toThrow(
    /^ratelimit\.acquire: /,
  );
});
