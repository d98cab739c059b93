import { setTimeout as sleep } from 'node:timers/promises';
import type { CallOptions } from '@infra-kit/kernel';
import type { Subscriptions } from '../consuming/subscriptions.js';
import type { MqEngine } from '../mq-engine.js';
import { checkGroup } from '../mq.errors.js';
import { lagOf } from './lag.js';

const LIMIT_MS = 10_000;
/** By the real clock, since a test's own may stand still. */
const LOOK_MS = 5;

/** Resolves when the group has finished and committed everything, retries included. */
export async function drained(
  engine: MqEngine,
  subscriptions: Subscriptions,
  group: string,
  options: CallOptions | undefined,
): Promise<void> {
  const members = (): typeof subscriptions.all => subscriptions.all.filter((each) => each.group === group);
  engine.runner.checkOpen();
  checkGroup(engine.place, group);
  await engine.runner.run('testing.drained', { options, limitMs: LIMIT_MS }, async ({ signal }) => {
    while (!signal.aborted) {
      if (members().every(({ idle }) => idle)) {
        await Promise.all(members().map((member) => member.commit()));
        const lags = await lagOf(engine, group, undefined, undefined);
        if (lags.every(({ lag }) => lag === 0n) && members().every(({ idle }) => idle)) return;
      }
      await sleep(LOOK_MS);
    }
  });
}
